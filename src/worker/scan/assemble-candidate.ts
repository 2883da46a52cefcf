/** Assembles one package from its description, the metadata files beside it, and the files that it names. */
import { createHash } from 'node:crypto'
import { type Assembly, assemblePackage, type KnownFile } from '../../core/catalog/assemble-package.ts'
import { foldName } from '../../core/catalog/file-name.ts'
import type { Package, PackageDescription } from '../../core/catalog/package.ts'
import { versionKey } from '../../core/catalog/version-key.ts'
import { type V3Inventory, type V3Signature, withInventory } from '../../metadata/v3-companions.ts'
import type { DraftPackage } from '../../store/scan/draft-rows.ts'
import type { IndexedFiles, ReadFile } from '../../store/scan/indexed-files.ts'

/** A package that metadata describes, before its files are assigned. */
export interface Candidate {
  readonly described: ReadFile
  readonly description: PackageDescription
  /** Whether the metadata file describes this package itself, and not a bundle that contains it. */
  readonly isSubject: boolean
}

/** What the metadata files beside an index add to it. */
interface SiblingMetadata {
  readonly inventory: V3Inventory
  readonly signatures: readonly V3Signature[]
}

/** Files in the directory of a candidate that have its stem. One query for all candidates. */
export async function siblingsOf(
  fileIndex: IndexedFiles,
  candidates: readonly Candidate[]
): Promise<(candidate: Candidate) => ReadFile[]> {
  const keys = candidates.flatMap((candidate) =>
    stemsOf(candidate).map((stem) => ({ directory: candidate.described.directory, stem }))
  )
  const byKey = new Map<string, ReadFile[]>()
  for (const file of await fileIndex.filesWithStems(keys)) {
    const key = `${file.directory}/${file.stem}`
    byKey.set(key, [...(byKey.get(key) ?? []), file])
  }
  return (candidate) => {
    const { directory, file } = candidate.described
    const all = stemsOf(candidate).flatMap((stem) => byKey.get(`${directory}/${stem}`) ?? [])
    return all.filter((sibling) => sibling.file.path !== file.path)
  }
}

function stemsOf({ described, description, isSubject }: Candidate): string[] {
  return [...new Set([foldName(description.fixid), ...(isSubject ? [described.stem] : [])])]
}

/** @param namedFiles the files that the description names, by path */
export function assembleCandidate(
  candidate: Candidate,
  siblings: readonly ReadFile[],
  namedFiles: ReadonlyMap<string, KnownFile>
): Assembly {
  const { described, description, isSubject } = candidate
  const beside: Partial<SiblingMetadata>[] = siblings.map(({ contents }) => JSON.parse(contents ?? '{}'))
  const inventory = beside.find((contents) => contents.inventory !== undefined)?.inventory
  const assembly = assemblePackage({
    description: inventory === undefined ? description : withInventory(description, inventory),
    metadataFile: described.file,
    siblings: siblings.filter((sibling) => !isOtherPackage(sibling)).map((sibling) => sibling.file),
    namedFiles,
    promises: beside.flatMap((contents) => contents.signatures ?? [])
  })
  return isSubject ? assembly : { ...assembly, package: withoutFile(assembly.package, described.file.path) }
}

/** Two metadata files with the same stem describe two packages. */
function isOtherPackage(sibling: ReadFile): boolean {
  return sibling.file.suffix === '.xml' && sibling.contents !== null && 'packages' in JSON.parse(sibling.contents)
}

/** The index of a bundle is a file of the bundle, not of each component. */
function withoutFile(item: Package, path: string): Package {
  return { ...item, files: item.files.filter((file) => file.path !== path) }
}

export function toDraftPackage(item: Package, described: ReadFile): DraftPackage {
  const systems = [...item.operatingSystems].sort().join(',')
  return {
    package: item,
    directory: described.directory,
    metadataPath: described.file.path,
    productLine: item.family === '' ? item.fixid : [item.kind, item.category, item.family, systems].join('|'),
    versionKey: versionKey(item.version),
    fingerprint: createHash('sha256')
      .update(JSON.stringify([described.file.path, item]))
      .digest('hex')
  }
}
