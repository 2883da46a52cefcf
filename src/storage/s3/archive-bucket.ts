/**
 * Archives in a bucket: finished ones are objects under their names. Growing ones are multipart uploads, which are not
 * visible before they are completed. Every lease continues the same upload: the parts are a function of the plan, so
 * that a worker that has lost its lease can write only the same bytes into it.
 */
import { type ArchiveFile, parseArchiveFile } from '../../core/storage/archive-file.ts'
import { type ArchiveStorage, UNBOUNDED_BYTES } from '../../core/storage/archive-storage.ts'
import { isSafeName } from '../../core/storage/relative-path.ts'
import type { BucketSettings } from '../../core/storage/storage-config.ts'
import { openBucket } from './bucket.ts'
import { openObject } from './object-file.ts'
import { claimOwnership, MARKER_NAME } from './ownership-marker.ts'
import { presign } from './presign.ts'
import { resumeUpload } from './resume-upload.ts'
import { isMissing } from './s3-error.ts'
import { abortUpload, listUploads, type Upload } from './uploads.ts'

export type ArchiveBucket = ArchiveStorage & {
  /** All objects under the bucket's prefix with their sizes: finished archives, and foreign ones. */
  objects(): AsyncGenerator<readonly { readonly name: string; readonly size: number }[]>
}

/** Separates an archive's name from the id of its upload. */
const UPLOAD_SEPARATOR = '?uploadId='

/** A working gateway needs seconds for an upload with the most parts. */
const COMPLETION_PATIENCE_MS = 60_000

/** @param completionPatienceMs how long to wait for an upload that the storage is completing already */
export function createArchiveBucket(
  settings: BucketSettings,
  { completionPatienceMs = COMPLETION_PATIENCE_MS } = {}
): ArchiveBucket {
  const bucket = openBucket(settings)
  const { prefix } = settings
  const stuck = new Set<string>()
  const keyOf = (name: string) => {
    if (!isSafeName(name)) throw new Error(`${JSON.stringify(name)} cannot be the name of an archive`)
    return prefix + name
  }

  async function factsOf(key: string) {
    try {
      return await bucket.request((s3, options) => s3.headObject({ Bucket: bucket.name, Key: key }, options), {
        isExpected: isMissing
      })
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async function* objects() {
    let from: string | undefined
    do {
      const page = await bucket.request((s3, options) =>
        s3.listObjectsV2({ Bucket: bucket.name, Prefix: prefix, Delimiter: '/', ContinuationToken: from }, options)
      )
      yield (page.Contents ?? []).map(({ Key = '', Size = 0 }) => ({ name: Key.slice(prefix.length), size: Size }))
      from = page.NextContinuationToken
    } while (from !== undefined)
  }

  const hasWhole = async (name: string, size: number) => (await factsOf(keyOf(name)))?.ContentLength === size

  async function removeParts(name: string): Promise<void> {
    for (const upload of await listUploads(bucket, keyOf(name))) await abortUpload(bucket, upload)
  }

  const removeObject = (key: string) =>
    bucket.request((s3, options) => s3.deleteObject({ Bucket: bucket.name, Key: key }, options), {
      isExpected: isMissing
    })

  return {
    isRemote: true,
    hasWhole,
    removeParts,
    objects,

    resume: async (claim) =>
      resumeUpload({
        bucket,
        key: keyOf(claim.name),
        claim,
        hasWhole: () => hasWhole(claim.name, claim.size),
        removeObject: async () => void (await removeObject(keyOf(claim.name))),
        completionPatienceMs,
        stuck
      }),

    async open(name, digest) {
      const key = keyOf(name)
      const facts = await factsOf(key)
      if (facts === undefined) return undefined
      const { ContentLength: size = 0, LastModified: modifiedAt = new Date(0), ETag: etag } = facts
      return openObject(bucket, { key, etag, name, size, modifiedAt, digest, contentType: 'application/zip' })
    },

    temporaryUrl: (name, headers, seconds) => presign(bucket, keyOf(name), headers, seconds),

    async ownFiles() {
      const files: ArchiveFile[] = []
      for await (const page of objects()) {
        for (const { name } of page) {
          const file = parseArchiveFile(name)
          // A key that has the name of a part in a directory is foreign.
          if (file !== undefined && file.token === undefined) files.push(file)
        }
      }
      for (const { key, id } of await listUploads(bucket, prefix)) {
        const file = parseArchiveFile(key.slice(prefix.length))
        if (file === undefined || file.token !== undefined) continue
        files.push({ ...file, fileName: file.archiveName + UPLOAD_SEPARATOR + id, token: 0 })
      }
      return files
    },

    async remove(fileName) {
      const [name = '', id] = fileName.split(UPLOAD_SEPARATOR)
      if (id === undefined) return void (await removeObject(keyOf(name)))
      // The archive may be made of this upload: the upload is removed after the archive.
      if ((await factsOf(keyOf(name))) === undefined)
        await abortUpload(bucket, { key: keyOf(name), id } satisfies Upload)
    },

    freeBytes: async () => UNBOUNDED_BYTES,

    claimOwnership: (marker) => claimOwnership(bucket, prefix + MARKER_NAME, marker),

    async check() {
      await bucket.request((s3, options) =>
        s3.listObjectsV2({ Bucket: bucket.name, Prefix: prefix, MaxKeys: 1 }, options)
      )
    },

    close: () => bucket.close()
  }
}
