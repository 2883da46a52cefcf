/**
 * The defects that occur in real repositories, and some that an attacker would add. Each defect is made from a package
 * without other defects.
 */

import type { DefectKind, DefectRecord, FileRecord, PackageRecord } from '../manifest.ts'
import type { PackagePlan } from '../plan/package-plan.ts'
import type { RepositoryPlan } from '../plan/plan.ts'
import { renderPackageXml } from './classic-xml.ts'
import { type Content, contentOf } from './content.ts'
import type { ImageMaker } from './image.ts'
import type { Tree } from './tree.ts'
import { fileNames, packagePayload, pathIn, writeClassicPackage, writeTexts } from './write-package.ts'

/** A file that every system has outside the repository. */
const OUTSIDE = '/etc/hosts'
const MIRROR = 'mirror'
/** The longest name that common file systems allow, and the extension that is part of it. */
const MAX_NAME_BYTES = 255
const EXTENSION_BYTES = '.xml'.length

/** The defect of a package. */
interface Spoiling {
  readonly kind: DefectKind
  /** The name of the payload in the metadata. */
  readonly payloadName?: (plan: PackagePlan) => string
  readonly fixid?: (plan: PackagePlan) => string
  readonly spoilXml?: (xml: string) => string
  /** The payload file that is written: complete, empty, none, or a link. */
  readonly payload?: 'whole' | 'empty' | 'none' | 'link'
}

const spoilings: readonly Spoiling[] = [
  { kind: 'payload-traversal', payloadName: ({ fixid }) => `../${fixid}.uxz`, payload: 'none' },
  { kind: 'payload-absolute', payloadName: () => OUTSIDE, payload: 'none' },
  { kind: 'payload-backslash', payloadName: ({ fixid }) => `..\\${fixid}.uxz`, payload: 'none' },
  { kind: 'truncated-xml', spoilXml: (xml) => xml.slice(0, Math.floor(xml.length * 0.6)) },
  { kind: 'doctype-bomb', spoilXml: armXml },
  { kind: 'empty-payload', payload: 'empty' },
  { kind: 'symlink-outside', payload: 'link' },
  { kind: 'long-name', fixid: lengthen }
]

/** Writes the defects that have separate files. @returns these, and the defects in `packages` */
export async function writeDefects(
  tree: Tree,
  plan: RepositoryPlan,
  packages: readonly PackageRecord[],
  image: ImageMaker
): Promise<DefectRecord[]> {
  const spares = [...plan.spares]
  const defects: DefectRecord[] = []
  for (const spoiling of spoilings) {
    const spare = spares.shift()
    if (spare !== undefined) defects.push(await writeSpoiled(tree, spare, spoiling, image))
  }
  const interrupted = spares.shift()
  if (interrupted !== undefined) defects.push(await writePartial(tree, interrupted, image))
  for (const spare of spares) defects.push(await writeOrphan(tree, spare, image))
  defects.push(...(await writeDuplicate(tree, plan.packages, image)))
  return [...defects, ...packages.flatMap(defectOf)]
}

async function writeSpoiled(
  tree: Tree,
  spare: PackagePlan,
  spoiling: Spoiling,
  image: ImageMaker
): Promise<DefectRecord> {
  const plan = { ...spare, fixid: spoiling.fixid?.(spare) ?? spare.fixid }
  const names = fileNames(plan)
  const { kind, payload = 'whole', payloadName = () => names.payload, spoilXml = (xml: string) => xml } = spoiling
  const whole = packagePayload(plan, image)
  const files = await writePayload(tree, plan, names.payload, payload === 'empty' ? contentOf('') : whole, payload)
  // Without a digest: the payload would not match it, and the package would have two defects.
  const facts = { name: payloadName(plan), size: whole.size, sha256: files[0]?.sha256 ?? '0'.repeat(64) }
  const xml = contentOf(spoilXml(renderPackageXml(plan, facts, names)))
  files.push(await tree.write(names.xml, 'metadata', xml, plan.releasedAt))
  files.push(...(await writeTexts(tree, plan, '', names)))
  const inPayload = payload === 'empty' || payload === 'link'
  return { kind, path: inPayload ? names.payload : names.xml, fixid: plan.fixid, files }
}

async function writePayload(
  tree: Tree,
  { releasedAt }: PackagePlan,
  name: string,
  content: Content,
  payload: Spoiling['payload']
): Promise<FileRecord[]> {
  if (payload === 'link') await tree.link(name, OUTSIDE, releasedAt)
  if (payload === 'link' || payload === 'none') return []
  return [await tree.write(name, 'payload', content, releasedAt)]
}

/** A browser was closed while it saved a second copy. */
async function writePartial(
  tree: Tree,
  { fixid, size, releasedAt }: PackagePlan,
  image: ImageMaker
): Promise<DefectRecord> {
  const half = image(fixid, Math.floor(size / 2))
  const file = await tree.write(`${fixid} (1).uxz.crdownload`, 'other', half, releasedAt)
  return { kind: 'partial-download', path: file.path, fixid, files: [file] }
}

async function writeOrphan(tree: Tree, plan: PackagePlan, image: ImageMaker): Promise<DefectRecord> {
  const file = await tree.write(fileNames(plan).payload, 'payload', packagePayload(plan, image), plan.releasedAt)
  return { kind: 'orphan-payload', path: file.path, fixid: plan.fixid, files: [file] }
}

/** A second copy of the smallest healthy package, in another folder. */
async function writeDuplicate(
  tree: Tree,
  packages: readonly PackagePlan[],
  image: ImageMaker
): Promise<DefectRecord[]> {
  const [plan] = packages
    .filter(({ form, downloaded, folder, side, sizeError, spelling }) => {
      return form === 'classic' && downloaded && folder === '' && side === '' && sizeError === 0 && spelling === 'plain'
    })
    .toSorted((a, b) => a.size - b.size)
  if (plan === undefined) return []
  const { files } = await writeClassicPackage(tree, { ...plan, folder: MIRROR }, image)
  const path = pathIn(MIRROR, fileNames(plan).xml)
  return [{ kind: 'duplicate-fixid', path, fixid: plan.fixid, files }]
}

/** The defects in the metadata of listed packages. */
function defectOf({ defect, fixid, files }: PackageRecord): DefectRecord[] {
  const path = files.find(({ role }) => role === 'metadata')?.path ?? ''
  return defect === undefined ? [] : [{ kind: defect, path, fixid, files: [] }]
}

/** Nine levels of ten references each: a parser that expands them needs gigabytes. */
function armXml(xml: string): string {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const value = level === 0 ? 'firmware' : `&lol${level - 1};`.repeat(10)
    return `  <!ENTITY lol${level} "${value}">`
  })
  return xml
    .replace('<INSTANCE', `<!DOCTYPE INSTANCE [\n${levels.join('\n')}\n]>\n<INSTANCE`)
    .replace('Synthetic test package.', '&lol8;')
}

/** With a three-letter extension the names of this package have the maximum length. */
function lengthen({ fixid }: PackagePlan): string {
  const missing = MAX_NAME_BYTES - EXTENSION_BYTES - fixid.length
  return fixid.replace('_anyos', `${'-long'.repeat(60).slice(0, missing)}_anyos`)
}
