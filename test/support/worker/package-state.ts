/** The state of the packages in the catalog: it changes with a package, and with nothing else. */
import fs from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { METADATA_SUFFIXES, READER_VERSION } from '../../../src/metadata/metadata-file.ts'
import { type Database, openDatabase } from '../../../src/store/engine/database.ts'
import { migrateToLatest } from '../../../src/store/engine/migrations.ts'
import { createScanStore } from '../../../src/store/scan/scan-store.ts'
import type { FileReaderPool } from '../../../src/worker/scan/file-reader-pool.ts'
import { type BareDepot, listPackages, listProblems, threadlessPool } from '../depot.ts'

/** Every package by fixid with the number of its row, which is a new one when the package has changed. */
export async function packageRows(db: Database): Promise<Map<string, number>> {
  const rows = await db.selectFrom('package').select(['fixid', 'id']).orderBy('fixid').execute()
  return new Map(rows.map(({ fixid, id }) => [fixid, id]))
}

/** The fixids that were added, removed, or have another row. */
export function changedFixids(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string[] {
  const all = new Set([...before.keys(), ...after.keys()])
  return [...all].filter((fixid) => before.get(fixid) !== after.get(fixid)).sort()
}

/** All that a reader of the catalog can see, without row numbers. */
export async function catalogOf(db: Database): Promise<unknown> {
  const rows = await db.selectFrom('package').selectAll().orderBy('fixid').execute()
  const files = await db.selectFrom('file').selectAll().orderBy('path').execute()
  return {
    packages: await listPackages(db),
    rows: rows.map(({ id: _, ...row }) => row),
    files: files.map(({ id: _, ...row }) => row),
    problems: await listProblems(db)
  }
}

/** The catalog of a first scan of the repository. */
export async function freshCatalogOf(t: Test, { root, scan }: BareDepot): Promise<unknown> {
  const directory = fs.mkdtempSync(path.join(root, 'fresh-'))
  const db = openDatabase({ file: path.join(directory, 'fixdepot.db') })
  t.teardown(() => db.destroy())
  await migrateToLatest(db)
  await scan({ store: createScanStore(db, READER_VERSION, METADATA_SUFFIXES) })
  return catalogOf(db)
}

export interface WatchedPool extends FileReaderPool {
  /** The paths that were to be read, in order. */
  readonly paths: string[]
}

/**
 * Reads in this thread, and records the paths.
 * @param beforePage is called with the paths of a page before it is read
 */
export function watchedPool(beforePage: (paths: readonly string[]) => void = () => {}): WatchedPool {
  const paths: string[] = []
  return {
    paths,
    close: async () => {},
    readAll(root, pages, onResults) {
      const heartbeats = async function* () {
        for await (const page of pages) {
          const names = page.map((file) => file.path)
          beforePage(names)
          paths.push(...names)
          yield page
        }
      }
      return threadlessPool.readAll(root, heartbeats(), onResults)
    }
  }
}

/** Writes other bytes of the same length, and leaves the time of change, the inode and so the stamp as they were. */
export function changeUnseen(file: string): void {
  const { atime, mtime, size } = fs.statSync(file)
  fs.writeFileSync(file, Buffer.alloc(size, '~'), { flag: 'r+' })
  fs.utimesSync(file, atime, mtime)
}

/** Gives every file below a directory a time of change in whole seconds, which `changeUnseen` can set again. */
export function roundTimes(directory: string): void {
  for (const name of fs.readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    fs.utimesSync(path.join(directory, name), 1_700_000_000, 1_700_000_000)
  }
}
