/** A place in storage that speaks S3. Credentials are no part of it: the SDK finds them where its own chain looks. */
export interface BucketSettings {
  readonly bucket: string
  /** What all keys begin with: empty, or with a slash at its end. */
  readonly prefix: string
  /** Undefined: that of AWS. */
  readonly endpoint: string | undefined
  /** Undefined: as the SDK's own chain says. */
  readonly region: string | undefined
  /** The bucket is the first part of the path, and not of the host's name. */
  readonly isPathStyle: boolean
}
