/** Makes files and their names durable. */
import fs, { promises as fsp } from 'node:fs'

/** Resolves when the content of the file is durable. */
export async function syncFile(path: string): Promise<void> {
  const handle = await fsp.open(path, 'r')
  try {
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

/** A new name in a directory is durable only when the directory is synced. */
export function syncDirectory(directory: string): void {
  const fd = fs.openSync(directory, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}
