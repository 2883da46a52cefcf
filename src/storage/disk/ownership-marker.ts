/** The file that names the owner of the archives in its directory. */
import { randomUUID } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { resolveInside } from './safe-path.ts'
import { syncDirectory } from './sync.ts'

/** Hidden; no archive has such a name. */
export const MARKER_FILE = '.fixdepot'

/**
 * Writes the marker if there is none. Of two servers that write one concurrently, one wins: a link to a whole file is
 * created atomically.
 * @returns the marker that is there now
 */
export async function claimOwnership(directory: string, marker: string): Promise<string> {
  const file = resolveInside(directory, MARKER_FILE)
  const known = await readMarker(file)
  if (known !== undefined) return known
  const draft = `${file}.${randomUUID()}`
  try {
    await fs.writeFile(draft, `${marker}\n`, { flush: true, mode: 0o640 })
    await fs.link(draft, file)
    syncDirectory(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await fs.rm(draft, { force: true })
  }
  return (await readMarker(file)) ?? marker
}

async function readMarker(file: string): Promise<string | undefined> {
  try {
    return (await fs.readFile(file, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
