/**
 * Notes of what is to be removed from the repository. A note is an object, hidden like everything whose name begins with a dot: once it
 * is there, the objects that it names count as gone, also after a crash. An object that somebody puts there later is none of them.
 */
import { randomUUID } from 'node:crypto'
import { checkRelativePath } from '../core/relative-path.ts'
import { type Bucket, patiently } from './bucket.ts'
import { listObjects } from './list-objects.ts'
import { isMissing, removeObject } from './objects.ts'

export interface DeletionNote {
  readonly key: string
  readonly writtenAt: Date
  readonly paths: readonly string[]
}

const NAME = '.fixdepot-deleted-'

/** @returns its key @throws UnsafePathError, StorageTrouble */
export async function writeNote(bucket: Bucket, prefix: string, names: readonly string[]): Promise<string> {
  const paths = names.map(checkRelativePath)
  const key = `${prefix}${NAME}${randomUUID()}.json`
  const request = { Bucket: bucket.name, Key: key, Body: JSON.stringify(paths), ContentType: 'application/json' }
  await bucket.look((s3, options) => s3.putObject(request, options))
  return key
}

/** Those that are there. @throws StorageTrouble */
export async function readNotes(bucket: Bucket, prefix: string): Promise<DeletionNote[]> {
  const notes: DeletionNote[] = []
  for await (const page of listObjects(bucket, prefix + NAME)) {
    for (const { key, putAt } of page) {
      const text = await readText(bucket, key)
      // It has just been removed: what it names is gone, or stays.
      if (text !== undefined) notes.push({ key, writtenAt: putAt, paths: JSON.parse(text) })
    }
  }
  return notes
}

export const removeNote = removeObject

async function readText(bucket: Bucket, key: string): Promise<string | undefined> {
  try {
    return await patiently(() =>
      bucket.look(
        async (s3, options) =>
          (await s3.getObject({ Bucket: bucket.name, Key: key }, options)).Body?.transformToString(),
        isMissing
      )
    )
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
