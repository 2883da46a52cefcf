/** A repository for chaos, and what must hold for every archive that is made of it. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import Database from 'better-sqlite3'
import type { Test } from 'tap'
import { readArchive } from '../helpers/archive-readers.ts'
import { type Files, packageFiles } from '../helpers/packages.ts'
import { makePlace, type ServerOptions } from '../helpers/server.ts'
import { chanceOf } from './chaos.ts'

export const FIXIDS = Array.from({ length: 12 }, (_, index) => `pack-${String.fromCharCode(97 + index)}`)

const ARCHIVE = /^repository\d{14,20}\.zip$/

export interface ChaosPlace extends ServerOptions {
  readonly archivesDirectory: string
  /** What lies in the directory of archives. */
  archives(): string[]
  /** An archive of these packages is whole, holds what the repository holds, and has the same bytes each time. */
  checkArchive(t: Test, name: string, fixids: readonly string[]): Promise<void>
  /** Every file under the name of a finished archive can be read to its end. */
  checkAllWhole(t: Test): Promise<void>
  sizeOf(name: string): number
  /** Rows of the database, while no server runs; none before there is one. */
  query<Row>(sql: string): Row[]
}

/** Twelve packages of up to `largestBytes`; of these every selection can be made. */
export function makeChaosPlace(t: Test, largestBytes = 3 * 2 ** 20): ChaosPlace {
  const place = makePlace(t, chaosFiles(largestBytes))
  const archivesDirectory = path.join(place.dataDirectory, 'archives')
  const digests = new Map<string, string>()
  const archives = () => (fs.existsSync(archivesDirectory) ? fs.readdirSync(archivesDirectory) : [])

  async function contentOf(name: string): Promise<Map<string, Buffer>> {
    const entries = await readArchive(path.join(archivesDirectory, name))
    return new Map(entries.map((entry) => [entry.name, entry.content]))
  }

  return {
    ...place,
    archivesDirectory,
    archives,
    async checkArchive(t, name, fixids) {
      const key = [...fixids].sort().join(' ')
      const bytes = fs.readFileSync(path.join(archivesDirectory, name))
      const digest = createHash('sha256').update(bytes).digest('hex')
      const known = digests.get(key)
      if (known !== undefined) {
        if (known !== digest) t.fail(`${name} has other bytes than an archive of the same packages before`)
        return
      }
      const content = await contentOf(name)
      const files = fixids.flatMap((fixid) => ['xml', 'txt', 'chg', 'uxz'].map((suffix) => `${fixid}.${suffix}`))
      t.same([...content.keys()].sort(), files.sort(), `${name} has the files of its packages`)
      const isEqual = files.every((file) =>
        content.get(file)?.equals(fs.readFileSync(path.join(place.repositoryDirectory, file)))
      )
      t.ok(isEqual, `${name} has their content`)
      digests.set(key, digest)
    },
    async checkAllWhole(t) {
      for (const name of archives().filter((name) => ARCHIVE.test(name))) {
        await contentOf(name).catch((error) => t.fail(`${name} is not whole: ${error.message}`))
      }
    },
    sizeOf: (name) => fs.statSync(path.join(archivesDirectory, name)).size,
    query<Row>(sql: string) {
      const file = path.join(place.dataDirectory, 'fixdepot.db')
      if (!fs.existsSync(file)) return []
      const database = new Database(file, { readonly: true })
      try {
        return database.prepare(sql).all() as Row[]
      } catch (error) {
        // A kill in the first milliseconds of the first start leaves a journal, which only a writer may take back: there are no tables.
        const isEmpty = (error as { code?: string }).code === 'SQLITE_READONLY_ROLLBACK'
        if (isEmpty || (error as Error).message.startsWith('no such table')) return []
        throw error
      } finally {
        database.close()
      }
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
