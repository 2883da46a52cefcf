import { createHash } from 'node:crypto'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

export interface FoundFile {
  readonly path: string
  readonly size: number
  readonly sha256: string
}

/** Regular files of a tree, by path. */
export async function readTree(directory: string): Promise<FoundFile[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return Promise.all(
    files.sort().map(async (file) => {
      const bytes = await readFile(file)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      return { path: file.slice(directory.length + 1), size: bytes.length, sha256 }
    })
  )
}

/** One digest of the names, kinds, modes, times and bytes of a whole tree, including its root directory. */
export async function hashTree(directory: string): Promise<string> {
  const hash = createHash('sha256')
  for (const name of ['.', ...(await readdir(directory, { recursive: true })).sort()]) {
    const path = join(directory, name)
    const stats = await lstat(path)
    hash.update(`${name} ${stats.mode} ${stats.mtimeMs}\n`)
    if (stats.isFile()) hash.update(await readFile(path))
    if (stats.isSymbolicLink()) hash.update(await readlink(path))
  }
  return hash.digest('hex')
}
