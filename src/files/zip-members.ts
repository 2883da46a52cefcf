/** Reads a few small members out of a .zip of the repository, without unpacking it. */
import fs from 'node:fs'
import { buffer } from 'node:stream/consumers'
import yauzl from 'yauzl'
import { openInside } from './safe-path.ts'

/** A central directory longer than this is not a package's. */
const MAX_ENTRIES = 20_000

/**
 * The members that `wanted` accepts by name.
 * @param maxBytes larger members are left out, by their recorded size; no more than that is ever unpacked
 * @returns an empty map for what is not a readable .zip
 */
export async function readZipMembers(
  root: string,
  path: string,
  wanted: (name: string) => boolean,
  maxBytes: number
): Promise<Map<string, Buffer>> {
  const members = new Map<string, Buffer>()
  const { fd } = openInside(root, path)
  let zip: yauzl.ZipFile
  try {
    zip = await yauzl.fromFdPromise(fd, { autoClose: false, lazyEntries: true, strictFileNames: true })
  } catch {
    fs.closeSync(fd)
    return members
  }
  try {
    if (zip.entryCount > MAX_ENTRIES) return members
    for await (const entry of zip.eachEntry()) {
      const isSmall = entry.uncompressedSize <= maxBytes && !entry.isEncrypted()
      if (isSmall && wanted(entry.fileName)) {
        // yauzl ends the stream with an error when more bytes come out than the entry records.
        members.set(entry.fileName, await buffer(await zip.openReadStreamPromise(entry)))
      }
    }
    return members
  } catch {
    return new Map()
  } finally {
    zip.close()
  }
}
