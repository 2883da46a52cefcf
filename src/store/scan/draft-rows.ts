/** Found packages as rows of the draft tables. */
import type { Kysely } from 'kysely'
import type { Package } from '../../core/catalog/package.ts'
import { bulkInsert } from '../engine/bulk-insert.ts'
import type { DraftFileRow, DraftPackageRow, DraftReferenceRow, ScanSchema } from './scan-schema.ts'

/** A found package, with what is derived from it. */
export interface DraftPackage {
  readonly package: Package
  /** Directory of the metadata file. */
  readonly directory: string
  readonly metadataPath: string
  readonly productLine: string
  readonly versionKey: string
  readonly fingerprint: string
}

/** Inserts the rows that refer to the packages. */
export async function insertDetails(db: Kysely<ScanSchema>, found: readonly DraftPackage[]): Promise<void> {
  const packages = found.map((item) => item.package)
  const reference = (fixid: string) => (item: { fixid: string; kind: string }, position: number) =>
    ({ fixid, position, target: item.fixid, kind: item.kind }) satisfies DraftReferenceRow
  await bulkInsert(
    db,
    'draft_file',
    ['fixid', 'path', 'role', 'size', 'crc32', 'sha256', 'modified_at'],
    packages.flatMap(toFileRows)
  )
  await bulkInsert(
    db,
    'draft_machine_type',
    ['fixid', 'machine_type', 'name'],
    packages.flatMap(({ fixid, machineTypes }) =>
      machineTypes.map(({ type, name }) => ({ fixid, machine_type: type, name }))
    )
  )
  const columns = ['fixid', 'position', 'target', 'kind'] as const
  await bulkInsert(
    db,
    'draft_member',
    columns,
    packages.flatMap(({ fixid, members }) => members.map(reference(fixid)))
  )
  await bulkInsert(
    db,
    'draft_requisite',
    columns,
    packages.flatMap(({ fixid, requisites }) => requisites.map(reference(fixid)))
  )
  await bulkInsert(db, 'draft_property', ['fixid', 'name', 'position', 'value'], packages.flatMap(toPropertyRows))
}

export function toPackageRow(found: DraftPackage): DraftPackageRow {
  const { package: item } = found
  return {
    fixid: item.fixid,
    directory: found.directory,
    kind: item.kind,
    form: item.form,
    name: item.name,
    version: item.version,
    build_number: item.buildNumber,
    category: item.category,
    vendor: item.vendor,
    description: item.description,
    severity: item.severity,
    release_date: item.releaseDate,
    update_type: item.updateType,
    reboot_required: item.rebootRequired,
    payload_state: item.payloadState,
    metadata_path: found.metadataPath,
    product_line: found.productLine,
    version_key: found.versionKey,
    fingerprint: found.fingerprint
  }
}

function toFileRows(item: Package): DraftFileRow[] {
  return item.files.map(({ path, role, size, crc32, sha256, modifiedAt }) => ({
    fixid: item.fixid,
    path,
    role,
    size,
    crc32,
    sha256,
    modified_at: modifiedAt
  }))
}

function toPropertyRows(item: Package): ScanSchema['draft_property'][] {
  const properties = Object.entries({ operatingSystem: item.operatingSystems, ...item.properties })
  return properties.flatMap(([name, values]) =>
    values.map((value, position) => ({ fixid: item.fixid, name, position, value }))
  )
}
