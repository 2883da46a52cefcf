/**
 * The temporary tables of a scan. They belong to one connection and block no other; with them, the memory of the scan
 * does not grow with the repository.
 */

import type { Kysely } from 'kysely'
import type { PackageTable, Schema } from '../engine/schema.ts'
import { createTemporary } from '../engine/tables.ts'

export interface ScanSchema extends Schema {
  walked_file: WalkedFileRow
  claimed_file: { path: string }
  draft_package: DraftPackageRow
  draft_file: DraftFileRow
  draft_machine_type: { fixid: string; machine_type: string; name: string }
  draft_member: DraftReferenceRow
  draft_requisite: DraftReferenceRow
  draft_property: { fixid: string; name: string; position: number; value: string }
  draft_problem: { path: string; code: string; text: string }
}

/** A file as the walk has reported it. */
export interface WalkedFileRow {
  path: string
  directory: string
  /** The part of the name that the files of a package share, in lower case. */
  stem: string
  suffix: string
  size: number
  modified_at: number
  stamp: string
}

export type DraftPackageRow = Omit<PackageTable, 'id'> & { directory: string }

export interface DraftFileRow {
  fixid: string
  path: string
  role: string
  size: number
  crc32: number
  sha256: string
  modified_at: number
}

export interface DraftReferenceRow {
  fixid: string
  position: number
  target: string
  kind: string
}

/** The columns that `draft_package` and `package` have in common. */
export const PACKAGE_COLUMNS = [
  'fixid',
  'kind',
  'form',
  'name',
  'version',
  'build_number',
  'category',
  'vendor',
  'description',
  'severity',
  'release_date',
  'update_type',
  'reboot_required',
  'payload_state',
  'metadata_path',
  'product_line',
  'version_key',
  'fingerprint'
] as const

/** The tables of what refers to a package. */
export const DETAIL_TABLES = [
  'draft_file',
  'draft_machine_type',
  'draft_member',
  'draft_requisite',
  'draft_property'
] as const

const TABLES = {
  walked_file: {
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
  draft_package: {
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
  draft_file: {
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
  draft_machine_type: {
    columns: { fixid: 'text', machine_type: 'text', name: 'text' },
    key: ['fixid', 'machine_type']
  },
  draft_member: {
    columns: { fixid: 'text', position: 'integer', target: 'text', kind: 'text' },
    key: ['fixid', 'position']
  },
  draft_requisite: {
    columns: { fixid: 'text', position: 'integer', target: 'text', kind: 'text' },
    key: ['fixid', 'position']
  },
  draft_property: {
    columns: { fixid: 'text', name: 'text', position: 'integer', value: 'text' },
    key: ['fixid', 'name', 'position']
  },
  draft_problem: { columns: { path: 'text', code: 'text', text: 'text' }, key: ['path', 'code', 'text'] }
} as const satisfies {
  readonly [Name in keyof ScanSchema]?: {
    readonly columns: Readonly<Record<keyof ScanSchema[Name], 'integer' | 'text'>>
    readonly key: readonly (keyof ScanSchema[Name])[]
  }
}

/** Creates the temporary tables, empty. */
export async function createScratch(db: Kysely<ScanSchema>): Promise<void> {
  for (const [name, { columns, key }] of Object.entries(TABLES)) await createTemporary(db, name, columns, key)
}
