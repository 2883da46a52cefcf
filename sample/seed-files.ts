import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

const PREBUILDS = join(import.meta.dirname, '../node_modules/better-sqlite3/prebuilds')

/**
 * Real binaries that exist on every machine with the generator: Node, and the native modules of the SQLite driver. They
 * change with the installed versions, and so do the payloads: name other files to compare results over years.
 */
export async function defaultSeedFiles(): Promise<string[]> {
  const names = await readdir(PREBUILDS).catch(() => [])
  const modules = names.filter((name) => name.endsWith('.node')).sort()
  return [process.execPath, ...modules.map((name) => join(PREBUILDS, name))]
}
