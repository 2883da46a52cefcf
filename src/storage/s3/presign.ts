/** Temporary URLs of objects. The signer is loaded with the first one, like the SDK. */
import type { LinkedHeaders } from '../../core/storage/archive-storage.ts'
import type { Bucket } from './bucket.ts'

/**
 * A URL under which every client can read an object without credentials. It is signed with the credentials of the
 * bucket; no request is sent, unless the credentials have to be renewed.
 * @param headers that the storage sends with the object
 * @param seconds within which a download can begin
 * @throws StorageError
 */
export function presign(bucket: Bucket, key: string, headers: LinkedHeaders, seconds: number): Promise<string> {
  return bucket.request(async (s3) => {
    const [{ GetObjectCommand }, { getSignedUrl }] = await Promise.all([
      import('@aws-sdk/client-s3'),
      import('@aws-sdk/s3-request-presigner')
    ])
    const command = new GetObjectCommand({
      Bucket: bucket.name,
      Key: key,
      ResponseContentType: headers.contentType,
      ResponseContentDisposition: headers.contentDisposition
    })
    return getSignedUrl(s3, command, { expiresIn: seconds })
  })
}
