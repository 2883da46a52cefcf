/** The repository in a bucket: its files are the objects below the prefix, and their paths are what stands behind it in their keys. */
import fs from 'node:fs'
import path from 'node:path'
import { UNBOUNDED_BYTES } from '../core/archive-storage.ts'
import type { BucketSettings } from '../core/bucket-settings.ts'
import { checkRelativePath } from '../core/relative-path.ts'
import type { RepositoryStorage } from '../core/repository-storage.ts'
import { openBucket, patiently } from './bucket.ts'
import { changeBucket, removeNoted, sweepReplaced } from './change-bucket.ts'
import { readNotes, removeNote, writeNote } from './deletion-notes.ts'
import { headOf, isMissing } from './objects.ts'
import { sideBySide } from './side-by-side.ts'
import { isRemoved, walkBucket } from './walk-bucket.ts'

const QUESTIONS_AT_A_TIME = 32

export function createRepositoryBucket(settings: BucketSettings): RepositoryStorage {
  const bucket = openBucket(settings, 'the storage of the repository')
  const { prefix } = settings
  const keyOf = (file: string) => prefix + checkRelativePath(file)

  async function kindOf(file: string): Promise<'file' | 'directory' | undefined> {
    const key = keyOf(file)
    if ((await headOf(bucket, key)) !== undefined) return 'file'
    const below = await patiently(() =>
      bucket.look((s3, options) => s3.listObjectsV2({ Bucket: bucket.name, Prefix: `${key}/`, MaxKeys: 1 }, options))
    )
    return (below.KeyCount ?? below.Contents?.length ?? 0) > 0 ? 'directory' : undefined
  }

  return {
    isRemote: true,
    place: () => settings,
    walk: (known) => walkBucket(bucket, prefix, known),

    async look(paths) {
      const kinds = await sideBySide(paths, QUESTIONS_AT_A_TIME, async (file) => [file, await kindOf(file)] as const)
      return new Map(kinds.filter((kind): kind is [string, 'file' | 'directory'] => kind[1] !== undefined))
    },

    async copyTo(file, target) {
      try {
        const bytes = await patiently(() =>
          bucket.look(
            async (s3, options) =>
              (await s3.getObject({ Bucket: bucket.name, Key: keyOf(file) }, options)).Body?.transformToByteArray(),
            isMissing
          )
        )
        fs.mkdirSync(path.dirname(target), { recursive: true })
        fs.writeFileSync(target, bytes ?? '', { flag: 'wx' })
        return true
      } catch (error) {
        if (isMissing(error)) return false
        throw error
      }
    },

    async putAside(paths) {
      const key = await writeNote(bucket, prefix, paths)
      return { restore: () => removeNote(bucket, key), remove: () => removeNoted(bucket, prefix, { key, paths }) }
    },

    change: (staging, changes, signal) => changeBucket(staging, changes, { bucket, prefix, signal }),

    async recover(isKnown) {
      for (const { key, paths, writtenAt } of await readNotes(bucket, prefix)) {
        const known = await isKnown(paths)
        const unknown = paths.filter((file) => !known.has(file))
        const heads = await sideBySide(unknown, QUESTIONS_AT_A_TIME, (file) => headOf(bucket, keyOf(file)))
        const doomed = unknown.filter((_, index) => isRemoved(heads[index]?.putAt ?? new Date(), writtenAt))
        await removeNoted(bucket, prefix, { key, paths: doomed })
      }
      await sweepReplaced(bucket, prefix)
    },

    size: async () => ({ freeBytes: UNBOUNDED_BYTES, totalBytes: UNBOUNDED_BYTES }),

    async check() {
      await bucket.look((s3, options) => s3.listObjectsV2({ Bucket: bucket.name, Prefix: prefix, MaxKeys: 1 }, options))
    },

    close: () => bucket.close()
  }
}
