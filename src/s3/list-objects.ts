import type { Bucket } from './bucket.ts'
import { patiently } from './bucket.ts'
import type { ListedObject } from './object-stamp.ts'

export interface FoundObject extends ListedObject {
  readonly key: string
}

/** All objects whose keys begin so, a page at a time, by key. @throws StorageTrouble */
export async function* listObjects(bucket: Bucket, prefix: string): AsyncGenerator<FoundObject[]> {
  let from: string | undefined
  do {
    const page = await patiently(() =>
      bucket.look((s3, options) =>
        s3.listObjectsV2({ Bucket: bucket.name, Prefix: prefix, ContinuationToken: from }, options)
      )
    )
    yield (page.Contents ?? []).map(({ Key = '', Size = 0, ETag = '', LastModified = new Date(0) }) => ({
      key: Key,
      size: Size,
      etag: ETag,
      putAt: LastModified
    }))
    from = page.NextContinuationToken
  } while (from !== undefined)
}
