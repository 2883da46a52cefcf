/** Reads some small members of a .zip in the repository, without unpacking it. */
import fs from 'node:fs'
import { buffer } from 'node:stream/consumers'
import yauzl from 'yauzl'
import { openInside } from '../safe-path.ts'
import { BoundedReader } from './zip-reader.ts'

/** No package has more entries. */
const MAX_ENTRIES = 20_000

/**
 * The members whose names `isWanted` accepts.
 * @param maxBytes recorded size of all members together; members beyond it are skipped, and never unpacked
 * @returns an empty map for a file that is not a readable .zip
 */
export async function readZipMembers(
  root: string,
  path: string,
  isWanted: (name: string) => boolean,
  maxBytes: number
): Promise<Map<string, Buffer>> {
  const { fd, stat } = openInside(root, path)
  try {
    return await readMembers(fd, Number(stat.size), isWanted, maxBytes)
  } catch {
    return new Map()
  } finally {
    fs.closeSync(fd)
  }
}

async function readMembers(
  fd: number,
  size: number,
  isWanted: (name: string) => boolean,
  maxBytes: number
): Promise<Map<string, Buffer>> {
  const members = new Map<string, Buffer>()
  const reader = new BoundedReader(fd, size)
  const options = { lazyEntries: true, strictFileNames: true, autoClose: false }
  const zip = await yauzl.fromRandomAccessReaderPromise(reader, size, options)
  if (zip.entryCount > MAX_ENTRIES) return members
  let space = maxBytes
  for await (const entry of zip.eachEntry()) {
    const isTooLarge = entry.uncompressedSize > space || entry.compressedSize > maxBytes
    if (!isWanted(entry.fileName) || entry.isEncrypted() || isTooLarge) continue
    space -= entry.uncompressedSize
    // yauzl ends the stream with an error when the content is longer than the entry records.
    members.set(entry.fileName, await buffer(await zip.openReadStreamPromise(entry)))
  }
  return members
}
