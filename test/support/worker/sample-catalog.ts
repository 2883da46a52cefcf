/** The expected catalog of a sample repository, from its manifest, and the actual one, in the same form. */
import fs from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import type { DefectKind, DefectRecord, FileRecord, Manifest } from '../../../sample/manifest.ts'
import type { CatalogProblemCode, PackageForm } from '../../../src/core/catalog/package.ts'
import type { Database } from '../../../src/store/engine/database.ts'
import { listPackages } from '../depot.ts'

/** How the catalog names a defect, and whether the file that has it describes a package all the same. */
const VERDICTS: Readonly<Record<DefectKind, { code?: CatalogProblemCode; payloadState?: string }>> = {
  'orphan-payload': { code: 'orphan-file' },
  'wrong-size': { code: 'size-mismatch' },
  'duplicate-fixid': { code: 'duplicate-fixid' },
  'payload-traversal': { code: 'unsafe-payload-path', payloadState: 'missing' },
  'payload-absolute': { code: 'unsafe-payload-path', payloadState: 'missing' },
  'payload-backslash': { code: 'unsafe-payload-path', payloadState: 'missing' },
  'truncated-xml': { code: 'broken-metadata' },
  'doctype-bomb': { code: 'unsafe-metadata' },
  'empty-payload': { code: 'empty-payload', payloadState: 'missing' },
  'long-name': { payloadState: 'present' },
  'symlink-outside': { code: 'link-outside', payloadState: 'missing' },
  'partial-download': { code: 'partial-download' },
  'missing-member': { code: 'missing-member' }
}

/** Facts that V3 metadata does not contain. */
const NOT_SAID: Readonly<Record<PackageForm, object>> = {
  classic: {},
  v3: { category: '', build: '' },
  'v3-bundle': { category: 'UXSP' }
}

interface FoundFile extends FileRecord {
  readonly crc32: number
  readonly modifiedAt: number
}

/** A package in the form of the manifest. */
export interface SamplePackage {
  readonly fixid: string
  readonly payloadState: string
  readonly files: readonly FoundFile[]
  readonly [fact: string]: unknown
}

/** The packages by fixid, with digests of the files in `directory`. */
export function expectedPackages(manifest: Manifest, directory: string): Map<string, SamplePackage> {
  const toFound = (file: FileRecord): FoundFile => {
    const absolute = path.join(directory, file.path)
    const modifiedAt = Math.floor(fs.statSync(absolute).mtimeMs / 1000)
    return { ...file, crc32: crc32(fs.readFileSync(absolute)), modifiedAt }
  }
  const healthy = manifest.packages.map(({ defect: _, bundle: __, downloaded, supersedes, ...item }) => ({
    ...item,
    ...NOT_SAID[item.form],
    // Metadata without a version has the build alone in its place.
    version: item.version || item.build,
    machineTypes: item.machineTypes.toSorted(),
    superseded: supersedes,
    payloadState: !downloaded ? 'missing' : item.kind === 'system-pack' ? 'none' : 'present',
    files: item.files
      .filter((file) => !isSideArchive(file))
      .map(toFound)
      .toSorted(byPath)
  }))
  return new Map(healthy.map((item) => [item.fixid, item]))
}

/** Packages that the manifest lists as defects only, since something is wrong with them: fixid, payload and paths. */
export function expectedSpoiled({ defects }: Manifest): Map<string, { payloadState: string; paths: string[] }> {
  const spoiled = defects.flatMap(({ kind, fixid, files }) => {
    const { payloadState } = VERDICTS[kind]
    return payloadState === undefined ? [] : [[fixid, { payloadState, paths: pathsOf(files) }] as const]
  })
  return new Map(spoiled)
}

/** Path and code of every problem. */
export function expectedProblems(manifest: Manifest): string[] {
  return [...manifest.defects.flatMap((defect) => problemsOf(defect, manifest)), ...sideArchives(manifest)].sort()
}

function problemsOf(defect: DefectRecord, { packages }: Manifest): string[] {
  const { code, payloadState } = VERDICTS[defect.kind]
  const owner = packages.find(({ fixid }) => fixid === defect.fixid)
  // A wrong size is reported of the payload, and the manifest names the metadata.
  const payload = owner?.files.find(({ role }) => role === 'payload')?.path ?? ''
  const at = defect.kind === 'wrong-size' ? payload : defect.path
  const isPackage = payloadState !== undefined || owner !== undefined
  const orphans = isPackage ? [] : pathsOf(defect.files).filter((name) => name !== defect.path)
  return [...(code === undefined ? [] : [`${at} ${code}`]), ...orphans.map((name) => `${name} orphan-file`)]
}

/** Archives whose name continues after the fixid with another character than a dot belong to no package. */
function sideArchives({ packages }: Manifest): string[] {
  return packages.flatMap(({ files }) => files.filter(isSideArchive).map(({ path }) => `${path} orphan-file`))
}

export function isSideArchive({ path: name }: { path: string }): boolean {
  return /_(tools|dd)\.zip$/.test(name)
}

/** The packages of the catalog as the manifest would list them. */
export async function foundPackages(db: Database): Promise<Map<string, SamplePackage>> {
  const rows = await db.selectFrom('package').select(['fixid', 'form']).execute()
  const forms = new Map(rows.map(({ fixid, form }) => [fixid, form]))
  const packages = (await listPackages(db)).map((item) => {
    const { fixid, kind, category, version, buildNumber: build, releaseDate, machineTypes, members, files } = item
    const requisites = item.requisites.filter((requisite) => requisite.kind !== 'superseded')
    const superseded = item.requisites.filter((requisite) => requisite.kind === 'superseded')
    return {
      ...{ fixid, form: forms.get(fixid), kind, category, version, build, releaseDate, machineTypes, members },
      requisites: requisites.map((requisite) => requisite.fixid),
      superseded: superseded.map((requisite) => requisite.fixid),
      payloadState: item.payloadState,
      files
    }
  })
  return new Map(packages.map((item) => [item.fixid, item]))
}

export function pathsOf(files: readonly { path: string }[]): string[] {
  return files.map((file) => file.path).sort()
}

function byPath(left: { path: string }, right: { path: string }): number {
  return left.path < right.path ? -1 : 1
}
