/** Multipart uploads by their keys and ids: listed, aborted, and known to have gone. */
import { PartsLost } from '../../core/problems/storage-error.ts'
import type { Bucket } from './bucket.ts'
import { s3ErrorName } from './storage-error.ts'

export interface Upload {
  readonly key: string
  readonly id: string
}

/** Whether the error says that there is no such upload, or not any more. */
export const isGone = (error: unknown) => s3ErrorName(error) === 'NoSuchUpload'

/** @throws PartsLost when the upload has gone, else the error */
export function throwLost(error: unknown): never {
  if (isGone(error)) throw new PartsLost('The upload of the archive has been aborted')
  throw error
}

/** All uploads whose keys begin so, the newest first. */
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

/** One that is not there is no error. */
export async function abortUpload(bucket: Bucket, { key, id }: Upload): Promise<void> {
  await bucket
    .request((s3, options) => s3.abortMultipartUpload({ Bucket: bucket.name, Key: key, UploadId: id }, options), isGone)
    .catch((error) => {
      if (!isGone(error)) throw error
    })
}
