import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

const PREBUILDS = join(import.meta.dirname, '../node_modules/better-sqlite3/prebuilds')

/**
 * Real binaries that are at hand wherever the generator runs: Node itself, and the native modules of the SQLite driver.
 * They change with the versions installed, and the payloads with them; give files of your own to compare over years.
 */
export async function defaultSeedFiles(): Promise<string[]> {
  const names = await readdir(PREBUILDS).catch(() => [])
  const modules = names.filter((name) => name.endsWith('.node')).sort()
  return [process.execPath, ...modules.map((name) => join(PREBUILDS, name))]
}
