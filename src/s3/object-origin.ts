import type { BucketSettings } from '../core/bucket-settings.ts'

/** Where bytes of an archive lie already, in the storage that the archive goes to. */
export class ObjectOrigin {
  /** As the catalog has it. */
  readonly path: string
  readonly bucket: string
  readonly key: string
  readonly etag: string

  constructor(path: string, { bucket, key, etag }: { bucket: string; key: string; etag: string }) {
    this.path = path
    this.bucket = bucket
    this.key = key
    this.etag = etag
  }
}

/** Whether one server has both, so that it can copy from one into the other. */
export function areInOneStorage(one: BucketSettings, other: BucketSettings): boolean {
  return one.endpoint === other.endpoint && one.region === other.region
}
