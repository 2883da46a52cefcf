/**
 * The S3 server that all tests of one run share: the one that TEST_S3 names, as `scripts/s3-server.ts` says it, or one
 * that the first test starts which needs it, and that ends with the run.
 */
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { canRunS3Server, type S3Server } from '../../../scripts/s3-server.ts'
import type { BucketSettings } from '../../../src/core/storage/bucket-settings.ts'
import { until } from '../until.ts'

const SCRIPT = path.join(import.meta.dirname, '../../../scripts/s3-server.ts')
const START_MS = 300_000

/** What a test file gives as `skip`: false, or why it cannot run here. */
export const withoutS3: string | false =
  process.env.TEST_S3 !== undefined || canRunS3Server()
    ? false
    : 'needs an S3 server: radosgw, ceph-mon and ceph-osd of Debian, or TEST_S3'

export async function sharedS3Server(): Promise<S3Server> {
  const given = process.env.TEST_S3
  if (given !== undefined) return JSON.parse(given)
  // All files of a run are processes of the one that runs them.
  const owner = process.env.TAP === undefined ? process.pid : process.ppid
  const directory = path.join(os.tmpdir(), `fixdepot-s3-of-${os.userInfo().uid}-${owner}`)
  const [file, log] = [path.join(directory, 'server.json'), path.join(directory, 'log')]
  if (isFirst(directory)) {
    const output = fs.openSync(log, 'w')
    spawn(process.execPath, [SCRIPT, String(owner), file], {
      detached: true,
      stdio: ['ignore', output, output]
    }).unref()
    fs.closeSync(output)
  }
  const failure = () => (fs.existsSync(log) ? fs.readFileSync(log, 'utf8') : '')
  await until(
    () => `the S3 server is there: ${failure()}`,
    () => fs.existsSync(file) || /Error/.test(failure()),
    START_MS
  )
  return JSON.parse(fs.readFileSync(file, 'utf8'))
}

function isFirst(directory: string): boolean {
  try {
    fs.mkdirSync(directory, { mode: 0o700 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

export interface TestBucket extends BucketSettings {
  readonly server: S3Server
  /** The settings of a server that keeps its archives there. */
  readonly settings: Readonly<Record<string, string>>
}

/**
 * A bucket of the test's own, with a prefix; the keys to it are in the environment of this process from now on.
 * @param own a server instead of the one that all share
 */
export async function makeBucket(_t: Test, own?: S3Server): Promise<TestBucket> {
  const server = own ?? (await sharedS3Server())
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
 * Leaves an upload as a radosgw does that dies while it completes it: nobody can complete it before so many seconds
 * have passed.
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

/** A client beside the one that is tested. */
export async function s3Of(t: Test, { endpoint, region }: BucketSettings) {
  const { S3 } = await import('@aws-sdk/client-s3')
  const s3 = new S3({ endpoint: endpoint ?? '', region: region ?? '', forcePathStyle: true })
  t.teardown(() => s3.destroy())
  return s3
}
