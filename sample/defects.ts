/**
 * Everything an operator finds in a repository sooner or later, and some of what an attacker would put there. Each
 * defect is made from a package that is healthy otherwise, so that only the one thing is wrong with it.
 */
import { renderPackageXml } from './classic-xml.ts'
import { type Content, contentOf } from './content.ts'
import type { ImageMaker } from './image.ts'
import type { DefectKind, DefectRecord, FileRecord, PackageRecord } from './manifest.ts'
import type { PackagePlan } from './package-plan.ts'
import type { RepositoryPlan } from './plan.ts'
import type { Tree } from './tree.ts'
import { fileNames, packagePayload, pathIn, writeClassicPackage, writeTexts } from './write-package.ts'

/** A file that every system has, outside of any repository. */
const OUTSIDE = '/etc/hosts'
const MIRROR = 'mirror'
/** The longest name that common file systems take, and the extension that is part of it. */
const MAX_NAME_BYTES = 255
const EXTENSION_BYTES = '.xml'.length

/** What is wrong with a spoiled package. */
interface Spoiling {
  readonly kind: DefectKind
  /** The name the metadata gives the payload. */
  readonly payloadName?: (plan: PackagePlan) => string
  readonly fixid?: (plan: PackagePlan) => string
  readonly spoilXml?: (xml: string) => string
  /** The payload file that is written: the whole one, an empty one, none, or a link. */
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

/** Writes the defects that are files of their own, and reports them together with those that `packages` have. */
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
  // A healthy package would know the digest of its payload; in these the payload is not what the digest is about.
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

/** Some defects concern what the metadata of a listed package says. */
function defectOf({ defect, fixid, files }: PackageRecord): DefectRecord[] {
  const path = files.find(({ role }) => role === 'metadata')?.path ?? ''
  return defect === undefined ? [] : [{ kind: defect, path, fixid, files: [] }]
}

/** Nine levels of ten references each: a reader that expands them needs gigabytes. */
function armXml(xml: string): string {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const value = level === 0 ? 'firmware' : `&lol${level - 1};`.repeat(10)
    return `  <!ENTITY lol${level} "${value}">`
  })
  return xml
    .replace('<INSTANCE', `<!DOCTYPE INSTANCE [\n${levels.join('\n')}\n]>\n<INSTANCE`)
    .replace('Synthetic test package.', '&lol8;')
}

/** With a three-letter extension the names of such a package have exactly as many bytes as they may. */
function lengthen({ fixid }: PackagePlan): string {
  const missing = MAX_NAME_BYTES - EXTENSION_BYTES - fixid.length
  return fixid.replace('_anyos', `${'-long'.repeat(60).slice(0, missing)}_anyos`)
}
