/** A depot on the disk, for tests of the operator's commands. No server uses it. */
import fs from 'node:fs'
import path from 'node:path'
import type { Insertable } from 'kysely'
import type { Test } from 'tap'
import { examine } from '../../../src/admin/doctor/doctor.ts'
import type { Database } from '../../../src/store/engine/database.ts'
import type { Schema } from '../../../src/store/engine/schema.ts'
import { type BareDepot, makeDepot, writeFiles } from '../depot.ts'
import type { Files } from '../packages.ts'

export interface AdminDepot {
  readonly dataDirectory: string
  readonly databaseFile: string
  readonly repositoryDirectory: string
  readonly archivesDirectory: string
  /** Brings the catalog up to date with the repository. */
  readonly scan: BareDepot['scan']
  writeArchives(files: Files): void
  change(update: (db: Database) => Promise<unknown>): Promise<void>
}

export async function makeAdminDepot(t: Test, files: Files = {}): Promise<AdminDepot> {
  const { root, databaseFile, repositoryDirectory, archivesDirectory, db, scan } = await makeDepot(t, files)
  await scan()
  return {
    dataDirectory: root,
    databaseFile,
    repositoryDirectory,
    archivesDirectory,
    scan,
    writeArchives: (archives) => writeFiles(archivesDirectory, archives),
    change: async (update) => void (await update(db))
  }
}

type PlanRow = Insertable<Schema['plan']>

/** A plan as an export leaves it. */
export async function addPlan(depot: AdminDepot, changes: Partial<PlanRow>): Promise<void> {
  const row: PlanRow = {
    digest: `digest of ${changes.archive_name}`,
    package_count: 1,
    entry_count: 1,
    directory_offset: 0,
    archive_size: 5,
    archive_state: 'kept',
    ...changes
  }
  await depot.change((db) => db.insertInto('plan').values(row).execute())
}

/** The lines that the doctor prints, and its exit code. */
export async function runDoctor(depot: AdminDepot): Promise<{ lines: string[]; code: number }> {
  const lines: string[] = []
  const code = await examine(depot, (line) => lines.push(line))
  return { lines, code }
}

/** Files below a directory, each with its size, time and inode: a change of the file changes its line. */
export function describeFiles(directory: string): string[] {
  return fs
    .readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.endsWith('-shm'))
    .map((name) => {
      const { size, mtimeMs, ino } = fs.statSync(path.join(directory, name))
      return `${name} ${size} ${mtimeMs} ${ino}`
    })
    .sort()
}
