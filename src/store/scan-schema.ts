/**
 * The scratch of a scan: temporary tables beside the real ones. They belong to one connection, lock nobody out, and spare
 * the scan memory that grows with the repository.
 */
import { type Kysely, sql } from 'kysely'
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
  seen_file: `path text primary key, directory text not null, stem text not null, suffix text not null,
    size integer not null, modified_at integer not null, stamp text not null`,
  claimed_file: 'path text primary key',
  found_package: `fixid text primary key, directory text not null, kind text not null, form text not null,
    name text not null, version text not null, build_number text not null, category text not null, vendor text not null,
    description text not null, severity text not null, release_date text not null, update_type text not null,
    reboot_required text not null, payload_state text not null, metadata_path text not null, product_line text not null,
    version_key text not null, fingerprint text not null`,
  found_file: `fixid text, path text, role text not null, size integer not null, crc32 integer not null,
    sha256 text not null, modified_at integer not null, primary key (fixid, path)`,
  found_machine_type: 'fixid text, machine_type text, name text not null, primary key (fixid, machine_type)',
  found_member: 'fixid text, position integer, target text not null, kind text not null, primary key (fixid, position)',
  found_requisite:
    'fixid text, position integer, target text not null, kind text not null, primary key (fixid, position)',
  found_property: 'fixid text, name text, position integer, value text not null, primary key (fixid, name, position)',
  found_problem: 'path text, code text, text text, primary key (path, code, text)'
} as const satisfies Partial<Record<keyof ScanSchema, string>>

/** Makes the scratch tables, empty. */
export async function createScratch(db: Kysely<ScanSchema>): Promise<void> {
  for (const [name, columns] of Object.entries(TABLES)) {
    await sql`drop table if exists temp.${sql.ref(name)}`.execute(db)
    await sql`create temp table ${sql.ref(name)} (${sql.raw(columns)}) without rowid`.execute(db)
  }
}
