/** The id of a data directory, which distinguishes the servers that share a database. */
import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

const FILE = 'server-id'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Created at the first start, and the same afterwards. @param dataDirectory the caller holds its lock */
export function nodeIdOf(dataDirectory: string): string {
  const file = path.join(dataDirectory, FILE)
  const known = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim() : ''
  if (UUID.test(known)) return known
  const id = randomUUID()
  fs.writeFileSync(file, `${id}\n`, { flush: true, mode: 0o640 })
  return id
}
