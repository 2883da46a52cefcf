/**
 * The scratch of a scan: temporary tables beside the real ones. They belong to one connection, lock nobody out, and spare
 * the scan memory that grows with the repository.
 */
import type { Kysely } from 'kysely'
import { createTemporary } from './dialect.ts'
import type { PackageTable, Schema } from './schema.ts'

export interface ScanSchema extends Schema {
  seen_file: SeenFileRow
  claimed_file: { path: string }
  found_package: FoundPackageRow
  found_file: FoundFileRow
  found_machine_type: { fixid: string; machine_type: string; name: string }
  found_member: FoundReferenceRow
  found_requisite: FoundReferenceRow
  found_property: { fixid: string; name: string; position: number; value: string }
  found_problem: { path: string; code: string; text: string }
}

/** A file that the walk saw. */
export interface SeenFileRow {
  path: string
  directory: string
  /** What the files of a package share, folded. */
  stem: string
  suffix: string
  size: number
  modified_at: number
  stamp: string
}

export type FoundPackageRow = Omit<PackageTable, 'id'> & { directory: string }

export interface FoundFileRow {
  fixid: string
  path: string
  role: string
  size: number
  crc32: number
  sha256: string
  modified_at: number
}

export interface FoundReferenceRow {
  fixid: string
  position: number
  target: string
  kind: string
}

const TABLES = {
  seen_file: {
    columns: {
      path: 'text',
      directory: 'text',
      stem: 'text',
      suffix: 'text',
      size: 'integer',
      modified_at: 'integer',
      stamp: 'text'
    },
    key: ['path']
  },
  claimed_file: { columns: { path: 'text' }, key: ['path'] },
  found_package: {
    columns: {
      fixid: 'text',
      directory: 'text',
      kind: 'text',
      form: 'text',
      name: 'text',
      version: 'text',
      build_number: 'text',
      category: 'text',
      vendor: 'text',
      description: 'text',
      severity: 'text',
      release_date: 'text',
      update_type: 'text',
      reboot_required: 'text',
      payload_state: 'text',
      metadata_path: 'text',
      product_line: 'text',
      version_key: 'text',
      fingerprint: 'text'
    },
    key: ['fixid']
  },
  found_file: {
    columns: {
      fixid: 'text',
      path: 'text',
      role: 'text',
      size: 'integer',
      crc32: 'integer',
      sha256: 'text',
      modified_at: 'integer'
    },
    key: ['fixid', 'path']
  },
  found_machine_type: {
    columns: { fixid: 'text', machine_type: 'text', name: 'text' },
    key: ['fixid', 'machine_type']
  },
  found_member: {
    columns: { fixid: 'text', position: 'integer', target: 'text', kind: 'text' },
    key: ['fixid', 'position']
  },
  found_requisite: {
    columns: { fixid: 'text', position: 'integer', target: 'text', kind: 'text' },
    key: ['fixid', 'position']
  },
  found_property: {
    columns: { fixid: 'text', name: 'text', position: 'integer', value: 'text' },
    key: ['fixid', 'name', 'position']
  },
  found_problem: { columns: { path: 'text', code: 'text', text: 'text' }, key: ['path', 'code', 'text'] }
} as const satisfies {
  readonly [Name in keyof ScanSchema]?: {
    readonly columns: Readonly<Record<keyof ScanSchema[Name], 'integer' | 'text'>>
    readonly key: readonly (keyof ScanSchema[Name])[]
  }
}

/** Makes the scratch tables, empty. */
export async function createScratch(db: Kysely<ScanSchema>): Promise<void> {
  for (const [name, { columns, key }] of Object.entries(TABLES)) await createTemporary(db, name, columns, key)
}
