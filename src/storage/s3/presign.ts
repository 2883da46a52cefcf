/** URLs under which anybody reads an object for a while. Like the SDK, what signs them is loaded with the first one. */
import type { LinkedHeaders } from '../../core/storage/archive-storage.ts'
import type { Bucket } from './bucket.ts'

/**
 * Signs with the credentials that the bucket is asked with; no request is made for it, unless the credentials are to be
 * renewed.
 * @param headers that the storage is to give with the object
 * @param seconds for which a download can be begun
 * @throws StorageTrouble
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
