/** A file of the repository as text. */

import type { RepositoryFiles } from '../../../core/catalog/catalog.ts'
import type { PackageFile } from '../../../core/catalog/package.ts'
import { readableText } from '../../../core/catalog/text-encoding.ts'
import { Problem } from '../../../core/problems/problem.ts'
import type { OpenFile } from '../../../core/storage/open-file.ts'

/**
 * Readmes have some kilobytes. A file of this size blocks other requests for the few milliseconds of its decoding.
 */
export const MAX_TEXT_BYTES = 4 * 1024 * 1024

/** @throws Problem TEXT_TOO_LARGE, and what `open` throws */
export async function textOfFile(files: RepositoryFiles, file: PackageFile): Promise<string> {
  if (file.size > MAX_TEXT_BYTES) {
    const text = `The file ${file.path} has ${file.size} bytes; at most ${MAX_TEXT_BYTES} are shown as text.`
    throw new Problem('TEXT_TOO_LARGE', text)
  }
  const opened = await files.open(file)
  try {
    return readableText(await readWhole(opened, file.path))
  } finally {
    await opened.close()
  }
}

async function readWhole(file: OpenFile, path: string): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(file.size)
  for (let filled = 0; filled < bytes.length; ) {
    const length = await file.readInto(bytes.subarray(filled), filled)
    if (length === 0) throw new Problem('FILE_CHANGED', `The file ${path} has changed: it ends at byte ${filled}.`)
    filled += length
  }
  return bytes
}
