import { promises as fs } from 'node:fs'

/** The space on the volume of a directory. */
export interface VolumeSpace {
  /** Bytes that this process can still write. */
  readonly freeBytes: number
  readonly totalBytes: number
}

/** @throws the system's error when the directory does not exist */
export async function readVolumeSpace(directory: string): Promise<VolumeSpace> {
  const { bavail, blocks, bsize } = await fs.statfs(directory)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}

/** @throws the system's error when the directory cannot be listed */
export async function checkReadableDirectory(directory: string): Promise<void> {
  const handle = await fs.opendir(directory)
  try {
    await handle.read()
  } finally {
    await handle.close()
  }
}
