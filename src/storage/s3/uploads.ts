/** Multipart uploads: the size of their parts, and how they are listed and aborted. */
import { PartsLost } from '../../core/problems/storage-error.ts'
import type { Bucket } from './bucket.ts'
import { s3ErrorName } from './s3-error.ts'

export interface Upload {
  readonly key: string
  readonly id: string
}

const MIB = 1024 * 1024
const USUAL_PART_BYTES = 8 * MIB
const MAX_PARTS = 10_000

/**
 * A function of the archive's size alone: every lease splits the archive into the same parts. Limits of S3: at most
 * 10,000 parts, each but the last of at least 5 MiB (Amazon S3 User Guide, "multipart upload limits").
 * @returns bytes of each part but the last one, which has the rest
 */
export function partSizeOf(archiveSize: number): number {
  const least = Math.ceil(archiveSize / MAX_PARTS)
  return Math.max(USUAL_PART_BYTES, Math.ceil(least / MIB) * MIB)
}

/** Whether the error says that there is no such upload, or no longer. */
export const isGone = (error: unknown) => s3ErrorName(error) === 'NoSuchUpload'

/** @throws PartsLost when the upload is gone, else the error */
export function throwLost(error: unknown): never {
  if (isGone(error)) throw new PartsLost('The upload of the archive has been aborted')
  throw error
}

/** All uploads whose keys have this prefix, the newest first. */
export async function listUploads(bucket: Bucket, prefix: string): Promise<Upload[]> {
  const uploads: (Upload & { readonly begunAt: number })[] = []
  let [keyMarker, idMarker]: (string | undefined)[] = []
  let isMore = true
  while (isMore) {
    const page = await bucket.request((s3, options) =>
      s3.listMultipartUploads(
        { Bucket: bucket.name, Prefix: prefix, KeyMarker: keyMarker, UploadIdMarker: idMarker },
        options
      )
    )
    for (const { Key = '', UploadId = '', Initiated } of page.Uploads ?? []) {
      uploads.push({ key: Key, id: UploadId, begunAt: Initiated?.getTime() ?? 0 })
    }
    isMore = page.IsTruncated === true
    keyMarker = page.NextKeyMarker
    idMarker = page.NextUploadIdMarker
  }
  return uploads.sort((left, right) => right.begunAt - left.begunAt)
}

/** An upload that does not exist is no error. */
export async function abortUpload(bucket: Bucket, { key, id }: Upload): Promise<void> {
  await bucket
    .request((s3, options) => s3.abortMultipartUpload({ Bucket: bucket.name, Key: key, UploadId: id }, options), {
      isExpected: isGone
    })
    .catch((error) => {
      if (!isGone(error)) throw error
    })
}
