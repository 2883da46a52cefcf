/**
 * A thread that reads repository files: it computes the digests of each file, and parses metadata. A scan uses as many
 * of these threads as there are cores; idle threads end.
 */
import path from 'node:path'
import { splitName } from '../../core/catalog/file-name.ts'
import { UnsafePathError } from '../../core/storage/relative-path.ts'
import { isV3Member, type MetadataContents, parseIfMetadata, parseV3Zip } from '../../metadata/metadata-file.ts'
import { MAX_V3_JSON_BYTES } from '../../metadata/v3-index.ts'
import { digestFile, readWhole } from '../../storage/disk/read-file.ts'
import { readZipMembers } from '../../storage/disk/zip/zip-members.ts'
import type { IndexedFile } from '../../store/scan/file-index.ts'

export interface FileReadJob {
  readonly root: string
  readonly files: readonly FileToRead[]
}

interface FileToRead {
  readonly path: string
  /** The stamp from the walk: a file with another stamp has changed, and is left to the next scan. */
  readonly stamp: string
}

export interface FileReadFailure {
  readonly path: string
  readonly failure: string
}

export type FileReadResult = IndexedFile | FileReadFailure

/** Reads files one after the other. A file that cannot be read has a failure as its result. */
export default async function readFiles({ root, files }: FileReadJob): Promise<FileReadResult[]> {
  const results: FileReadResult[] = []
  for (const file of files) results.push(await readOne(root, file.path, file.stamp))
  return results
}

async function readOne(root: string, file: string, stamp: string): Promise<FileReadResult> {
  try {
    const name = splitName(path.posix.basename(file))
    let contents: MetadataContents | undefined
    const digests = digestFile(root, file, (fd, size) => {
      contents = parseIfMetadata(name, size, () => readWhole(fd, size))
    })
    if (digests.stamp !== stamp) return { path: file, failure: 'it changed while it was read' }
    if (name.suffix === '.zip') {
      contents = parseV3Zip(await readZipMembers(root, file, isV3Member, MAX_V3_JSON_BYTES), name.stem)
    }
    return { path: file, ...digests, contents: contents === undefined ? null : JSON.stringify(contents) }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === undefined && !(error instanceof UnsafePathError)) throw error
    return { path: file, failure: code ?? (error as Error).message }
  }
}
