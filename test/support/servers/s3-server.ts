/** The S3 server that all tests of a run share: `npm run test:all` starts it, and TEST_S3 has its address and keys. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import type { S3Server } from '../../../scripts/s3-server.ts'
import type { BucketSettings } from '../../../src/core/storage/storage-config.ts'

const GIVEN = process.env.TEST_S3

/** The `skip` of tests that need S3: false, or the reason why they cannot run. */
export const withoutS3: string | false =
  GIVEN === undefined
    ? 'needs an S3 server, which npm run test:all starts where radosgw and ceph-osd are installed'
    : false

export interface TestBucket extends BucketSettings {
  readonly server: S3Server
  /** The settings of a server with its archives in this bucket. */
  readonly settings: Readonly<Record<string, string>>
}

/**
 * Makes a bucket with a prefix for this test. Sets its access keys in the environment of this process.
 * @param server by default the shared one
 */
export async function makeBucket(_t: Test, server: S3Server = JSON.parse(GIVEN ?? '')): Promise<TestBucket> {
  const keys = { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey }
  Object.assign(process.env, keys)
  const bucket = `test-${randomBytes(8).toString('hex')}`
  const location = { bucket, prefix: 'depot/', endpoint: server.endpoint, region: 'us-east-1', isPathStyle: true }
  const { S3 } = await import('@aws-sdk/client-s3')
  const s3 = new S3({ endpoint: location.endpoint, region: location.region, forcePathStyle: true })
  await s3.createBucket({ Bucket: bucket })
  s3.destroy()
  return {
    ...location,
    server,
    settings: {
      ...keys,
      FIXDEPOT_ARCHIVES_URL: `s3://${bucket}/depot`,
      FIXDEPOT_S3_ENDPOINT: server.endpoint
    }
  }
}

const UPLOADS_POOL = 'default.rgw.buckets.non-ec'

/**
 * Leaves an upload as a radosgw does that dies during the completion: it cannot be completed for `seconds`.
 */
export function lockUpload({ server }: TestBucket, id: string, seconds: number): void {
  const rados = (...args: string[]) => {
    const common = ['-c', server.configurationFile ?? '', '-p', UPLOADS_POOL]
    return execFileSync('rados', [...common, ...args], { encoding: 'utf8' })
  }
  const name = rados('ls')
    .split('\n')
    .find((line) => line.endsWith(`.${id}.meta`))
  rados('lock', 'get', name ?? '', 'RGWCompleteMultipart', '--lock-duration', String(seconds), '--lock-cookie', 'gone')
}

/** A second S3 client, independent of the tested one. */
export async function s3Of(t: Test, { endpoint, region }: BucketSettings) {
  const { S3 } = await import('@aws-sdk/client-s3')
  const s3 = new S3({ endpoint: endpoint ?? '', region: region ?? '', forcePathStyle: true })
  t.teardown(() => s3.destroy())
  return s3
}
