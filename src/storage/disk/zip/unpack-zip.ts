/** Unpacks a .zip whose list of files has been checked; here it shows whether the list has told the truth. */
import fs from 'node:fs'
import path from 'node:path'
import { resolveInside } from '../safe-path.ts'
import { type WrittenFile, writeDigested } from '../writer/write-digested.ts'
import { contentOf, contentStart } from './zip-content.ts'
import { refuseEntry, type ZipDirectory, type ZipEntry } from './zip-directory.ts'

/** A file that was unpacked. */
export interface UnpackedFile extends WrittenFile {
  readonly name: string
}

/**
 * @param fd of the archive
 * @param directory where its files go; nothing else is there
 * @param onFile is awaited after each file; what it throws ends the unpacking
 * @throws ZipRefused as soon as something comes out that is not what the list says, or the system's error; then some
 * files are there already
 */
export async function unpackZip(
  fd: number,
  { entries, end }: ZipDirectory,
  directory: string,
  onFile: (file: UnpackedFile) => Promise<void>
): Promise<void> {
  const made = new Set<string>()
  for (const [index, entry] of entries.entries()) {
    const start = contentStart(fd, entry, entries[index + 1]?.offset ?? end)
    const target = resolveInside(directory, entry.name)
    const parent = path.dirname(target)
    if (!made.has(parent)) fs.mkdirSync(parent, { recursive: true })
    made.add(parent)
    const written = await writeDigested(target, checked(entry, contentOf(fd, entry, start)), entry.modifiedAt)
    if (written.size !== entry.size)
      refuseEntry(entry.name, `has ${written.size} bytes, and ${entry.size} are recorded`)
    if (written.crc32 !== entry.crc32) refuseEntry(entry.name, 'has another CRC-32 than is recorded')
    await onFile({ name: entry.name, ...written })
  }
}

/** Not one byte more than is recorded is written: the record is what room was made for. */
async function* checked(entry: ZipEntry, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of content) {
    size += chunk.length
    if (size > entry.size) refuseEntry(entry.name, `has more than the ${entry.size} bytes that are recorded`)
    yield chunk
  }
}
