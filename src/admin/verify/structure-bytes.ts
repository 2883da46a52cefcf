/** Compares every byte of an archive that is not content of a file with what an export writes there. */
import { readFully } from '../../storage/disk/read-file.ts'
import type { ZipDirectory, ZipEntry } from '../../storage/disk/zip/zip-directory.ts'
import {
  centralHeaderSize,
  type EntryFacts,
  encodeCentralHeader,
  encodeEnd,
  encodeLocalHeader
} from '../../zip/layout.ts'

/** An entry whose content was read. */
export interface CheckedEntry extends ZipEntry {
  readonly sha256: string
}

const LOCAL_HEADER_SIZE = 30

/**
 * @param times of the files, by path, in seconds since 1970: a header does not have every time exactly. Without it,
 * only the gaps between the parts of the archive are checked, and not the headers
 * @returns the approximate offset of the first byte that an export does not have there
 */
export function findForeignByte(
  fd: number,
  size: number,
  directory: ZipDirectory,
  entries: readonly CheckedEntry[],
  times: ReadonlyMap<string, number> | undefined
): number | undefined {
  let offset = 0
  const facts: [EntryFacts, number][] = []
  for (const entry of entries) {
    const known = { ...entry, path: entry.name, modifiedAt: times?.get(entry.name) ?? entry.modifiedAt }
    if (entry.offset !== offset) return offset
    const header = encodeLocalHeader(known)
    const wrong = times && differenceAt(fd, offset, header)
    if (wrong !== undefined) return wrong
    facts.push([known, offset])
    offset += (times ? header.length : headerSizeAt(fd, offset)) + entry.compressedSize
  }
  if (directory.end !== offset) return offset
  return times && findInDirectory(fd, size, facts, offset)
}

function findInDirectory(
  fd: number,
  size: number,
  facts: readonly [EntryFacts, number][],
  start: number
): number | undefined {
  let position = start
  for (const [known, offset] of facts) {
    const wrong = differenceAt(fd, position, encodeCentralHeader(known, offset))
    if (wrong !== undefined) return wrong
    position += centralHeaderSize(known, offset)
  }
  const end = encodeEnd({ entryCount: facts.length, offset: start, size: position - start })
  const wrong = differenceAt(fd, position, end)
  if (wrong !== undefined) return wrong
  return position + end.length === size ? undefined : position + end.length
}

/** Read from the header: without the exact time, the presence of its extra field is unknown. */
function headerSizeAt(fd: number, offset: number): number {
  const header = Buffer.alloc(LOCAL_HEADER_SIZE)
  readFully(fd, header, offset)
  return LOCAL_HEADER_SIZE + header.readUInt16LE(26) + header.readUInt16LE(28)
}

function differenceAt(fd: number, position: number, expected: Buffer): number | undefined {
  const actual = Buffer.alloc(expected.length)
  readFully(fd, actual, position)
  if (actual.equals(expected)) return undefined
  return position + expected.findIndex((byte, index) => byte !== actual[index])
}
