/** A depot for chaos tests, and the rules that every archive of it must meet. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import type { Test } from 'tap'
import { openDepotDatabase, openDepotReadOnly } from '../../../src/store/engine/database.ts'
import { appliedMigrations } from '../../../src/store/engine/migrations.ts'
import { readArchive } from '../archive-readers.ts'
import { type ArchiveView, bucketFor, viewArchives } from '../archives.ts'
import { engineOf } from '../engines.ts'
import { type Files, packageFiles } from '../packages.ts'
import { createEmptyDatabase } from '../servers/postgres.ts'
import { makeDirectories, type ServerOptions } from '../servers/server.ts'
import { chanceOf } from './chaos.ts'

export const FIXIDS = Array.from({ length: 12 }, (_, index) => `pack-${String.fromCharCode(97 + index)}`)

export interface ChaosDepot extends ServerOptions {
  readonly archivesDirectory: string
  readonly archives: ArchiveView
  /** Fails unless the archive has the files of these packages, and the bytes of each earlier archive of them. */
  checkArchive(t: Test, name: string, fixids: readonly string[]): Promise<void>
  /** Fails unless every file under the name of a finished archive can be read to its end. */
  checkAllWhole(t: Test): Promise<void>
  /** Rows of the database; empty before the database exists. No server may run. */
  query<Row>(statement: string): Promise<Row[]>
  /** Changes the database. No server may run. */
  change(statements: readonly string[]): Promise<void>
}

/** Makes a depot with the twelve packages of `FIXIDS`, the first of `largestBytes`. Its database does not exist yet. */
export async function makeChaosDepot(t: Test, largestBytes = 3 * 2 ** 20): Promise<ChaosDepot> {
  const depot = makeDirectories(t, chaosFiles(largestBytes))
  const archivesDirectory = path.join(depot.dataDirectory, 'archives')
  const bucket = await bucketFor(t)
  const databaseUrl = engineOf(t) === 'PostgreSQL' ? await createEmptyDatabase(t) : undefined
  const database = { databaseFile: path.join(depot.dataDirectory, 'fixdepot.db'), databaseUrl }
  const digests = new Map<string, string>()
  const archives = viewArchives(t, { archivesDirectory, archivesBucket: bucket })

  async function contentOf(bytes: Buffer): Promise<Map<string, Buffer>> {
    const file = path.join(path.dirname(depot.dataDirectory), 'inspected.zip')
    fs.writeFileSync(file, bytes)
    const entries = await readArchive(file)
    return new Map(entries.map((entry) => [entry.name, entry.content]))
  }

  return {
    ...depot,
    databaseUrl,
    ...(bucket && { settings: bucket.settings }),
    archivesDirectory,
    archives,
    async checkArchive(t, name, fixids) {
      const key = [...fixids].sort().join(' ')
      const bytes = await archives.read(name)
      const digest = createHash('sha256').update(bytes).digest('hex')
      const known = digests.get(key)
      if (known !== undefined) {
        if (known !== digest) t.fail(`${name} has other bytes than an archive of the same packages before`)
        return
      }
      const content = await contentOf(bytes)
      const files = fixids.flatMap((fixid) => ['xml', 'txt', 'chg', 'uxz'].map((suffix) => `${fixid}.${suffix}`))
      t.same([...content.keys()].sort(), files.sort(), `${name} has the files of its packages`)
      const isEqual = files.every((file) =>
        content.get(file)?.equals(fs.readFileSync(path.join(depot.repositoryDirectory, file)))
      )
      t.ok(isEqual, `${name} has their content`)
      digests.set(key, digest)
    },
    async checkAllWhole(t) {
      for (const name of await archives.finished()) {
        await contentOf(await archives.read(name)).catch((error) => t.fail(`${name} is not whole: ${error.message}`))
      }
    },
    async query<Row>(statement: string) {
      if (databaseUrl === undefined && !fs.existsSync(database.databaseFile)) return []
      const db = openDepotReadOnly(database)
      try {
        // A kill in the first milliseconds of the first start can leave a database without tables.
        if ((await appliedMigrations(db)).length === 0) return []
        return (await sql.raw<Row>(statement).execute(db)).rows
      } catch (error) {
        // Such a kill can also leave a journal that only a writer may roll back: there are no tables.
        if ((error as { code?: string }).code === 'SQLITE_READONLY_ROLLBACK') return []
        throw error
      } finally {
        await db.destroy()
      }
    },
    async change(statements) {
      const db = openDepotDatabase(database)
      for (const statement of statements) await sql.raw(statement).execute(db)
      await db.destroy()
    }
  }
}

function chaosFiles(largestBytes: number): Files {
  const chance = chanceOf(1)
  const files = FIXIDS.map((fixid, index) => {
    const size = index === 0 ? largestBytes : chance.below(largestBytes / 4) + 1
    return packageFiles({ fixid, payload: Buffer.alloc(size, `content of ${fixid} ${chance.below(1e9)} `) })
  })
  return Object.assign({}, ...files)
}
