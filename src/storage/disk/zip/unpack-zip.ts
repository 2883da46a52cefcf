/** Unpacks a .zip whose directory has been checked, and checks that the content matches the directory. */
import fs from 'node:fs'
import path from 'node:path'
import { resolveInside } from '../safe-path.ts'
import { type WrittenFile, writeDigested } from '../writer/write-digested.ts'
import { contentOf, contentStart } from './zip-content.ts'
import { refuseEntry, type ZipDirectory, type ZipEntry } from './zip-directory.ts'

/** An unpacked file. */
export interface UnpackedFile extends WrittenFile {
  readonly name: string
}

/**
 * @param fd of the archive
 * @param directory of the unpacked files; empty before
 * @param onFile is awaited after each file; an error that it throws ends the unpacking
 * @throws ZipRefused as soon as the content differs from the directory of the archive, or the system's error; then some
 * files are unpacked already
 */
export async function unpackZip(
  fd: number,
  { entries, end }: ZipDirectory,
  directory: string,
  onFile: (file: UnpackedFile) => Promise<void>
): Promise<void> {
  const created = new Set<string>()
  for (const [index, entry] of entries.entries()) {
    const start = contentStart(fd, entry, entries[index + 1]?.offset ?? end)
    const target = resolveInside(directory, entry.name)
    const parent = path.dirname(target)
    if (!created.has(parent)) fs.mkdirSync(parent, { recursive: true })
    created.add(parent)
    const written = await writeDigested(target, checked(entry, contentOf(fd, entry, start)), entry.modifiedAt)
    if (written.size !== entry.size)
      refuseEntry(entry.name, `has ${written.size} bytes, and ${entry.size} are recorded`)
    if (written.crc32 !== entry.crc32) refuseEntry(entry.name, 'has another CRC-32 than is recorded')
    await onFile({ name: entry.name, ...written })
  }
}

/** Never writes more bytes than are recorded: the free space was checked for the recorded size. */
async function* checked(entry: ZipEntry, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of content) {
    size += chunk.length
    if (size > entry.size) refuseEntry(entry.name, `has more than the ${entry.size} bytes that are recorded`)
    yield chunk
  }
}
