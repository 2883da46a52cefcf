/** Writes classic packages and system packs: files whose names begin with the fixid. */

import type { FileRecord, PackageRecord } from '../manifest.ts'
import { formatDate } from '../plan/calendar.ts'
import type { PackagePlan, TextSizes } from '../plan/package-plan.ts'
import type { SystemPackPlan } from '../plan/system-packs.ts'
import { encodeXml, renderPackageXml, renderSystemPackXml, type SiblingNames } from './classic-xml.ts'
import { type Content, contentOf, digestContent } from './content.ts'
import type { ImageMaker } from './image.ts'
import { payloadOf } from './payloads.ts'
import { renderChangeHistory, renderReadme, type TextSubject } from './texts.ts'
import type { Tree } from './tree.ts'

const MIN_SIDE_BYTES = 8192

/** The names of a package's files. */
export function fileNames(plan: PackagePlan): SiblingNames & { readonly payload: string } {
  const named = (extension: string) =>
    `${plan.fixid}.${plan.spelling === 'upper-case' ? extension.toUpperCase() : extension}`
  return { payload: named(plan.extension), xml: named('xml'), readme: named('txt'), changes: named('chg') }
}

/** The path of a file of the package. */
export function pathIn(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

/** The payload of a package as delivered by the vendor. */
export function packagePayload(plan: PackagePlan, image: ImageMaker): Content {
  return payloadOf({ key: plan.fixid, extension: plan.extension, size: plan.size, releasedAt: plan.releasedAt }, image)
}

/** Writes payload, metadata, readme and change history. */
export async function writeClassicPackage(tree: Tree, plan: PackagePlan, image: ImageMaker): Promise<PackageRecord> {
  const names = fileNames(plan)
  const { folder, releasedAt } = plan
  const payload = packagePayload(plan, image)
  const written = plan.downloaded
    ? [await tree.write(pathIn(folder, names.payload), 'payload', payload, releasedAt)]
    : []
  // The metadata contains the size and digest also of a payload that was not downloaded.
  const { sha256 } = written[0] ?? digestContent(payload)
  const facts = { name: names.payload, size: payload.size + plan.sizeError, sha256 }
  const xml = encodeXml(renderPackageXml(plan, facts, names), plan.spelling)
  const metadata = await tree.write(pathIn(folder, names.xml), 'metadata', contentOf(xml), releasedAt)
  const texts = await writeTexts(tree, plan, folder, names)
  return recordOf(plan, [...written, metadata, ...texts, ...(await writeSide(tree, plan, image))])
}

/** Writes metadata, readme and change history of a system pack. */
export async function writeSystemPack(tree: Tree, pack: SystemPackPlan): Promise<PackageRecord> {
  const { fixid, releasedAt, missingMember } = pack
  const names = { xml: `${fixid}.xml`, readme: `${fixid}.txt`, changes: `${fixid}.chg` }
  const subject = { ...pack, severity: 'recommended', machines: [pack.machine], requisites: [] }
  const metadata = await tree.write(names.xml, 'metadata', contentOf(renderSystemPackXml(pack, names)), releasedAt)
  const texts = await writeTexts(tree, subject, '', names)
  return {
    fixid,
    form: 'classic',
    kind: 'system-pack',
    category: 'UXSP',
    version: pack.version,
    build: pack.build,
    releaseDate: formatDate(releasedAt),
    machineTypes: [pack.machine.type],
    downloaded: true,
    requisites: [],
    supersedes: [],
    members: missingMember === '' ? pack.members : [...pack.members, missingMember],
    ...(missingMember === '' ? {} : { defect: 'missing-member' }),
    files: [metadata, ...texts]
  }
}

/** Writes readme and change history. */
export async function writeTexts(
  tree: Tree,
  subject: TextSubject & { readonly texts: TextSizes },
  folder: string,
  names: Pick<SiblingNames, 'readme' | 'changes'>
): Promise<FileRecord[]> {
  const { releasedAt, texts } = subject
  const readme = contentOf(renderReadme(subject, texts.readmeBytes))
  const changes = contentOf(renderChangeHistory(subject, texts.changesBytes))
  return [
    await tree.write(pathIn(folder, names.readme), 'readme', readme, releasedAt),
    await tree.write(pathIn(folder, names.changes), 'change-history', changes, releasedAt)
  ]
}

/** The record of a package in the manifest. */
export function recordOf(plan: PackagePlan, files: readonly FileRecord[]): PackageRecord {
  return {
    fixid: plan.fixid,
    form: plan.form,
    kind: 'update',
    category: plan.component.category,
    version: plan.version,
    build: plan.build,
    releaseDate: formatDate(plan.releasedAt),
    machineTypes: plan.machines.map(({ type }) => type),
    downloaded: plan.downloaded,
    requisites: plan.requisites,
    supersedes: plan.form === 'classic' ? plan.supersedes : [],
    members: [],
    ...(plan.sizeError === 0 ? {} : { defect: 'wrong-size' }),
    files
  }
}

/** Tools or a driver disk, delivered with the package under a longer name. */
async function writeSide(tree: Tree, plan: PackagePlan, image: ImageMaker): Promise<FileRecord[]> {
  if (plan.side === '') return []
  const name = plan.fixid + plan.side
  const size = Math.max(MIN_SIDE_BYTES, Math.round(plan.size / 16))
  const side = payloadOf({ key: name, extension: 'zip', size, releasedAt: plan.releasedAt }, image)
  return [await tree.write(pathIn(plan.folder, name), 'other', side, plan.releasedAt)]
}
