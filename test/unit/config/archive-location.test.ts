import t from 'tap'
import { readConfig } from '../../../src/config/config.ts'

const bucketOf = (settings: Record<string, string>) => readConfig(settings).storage.archivesBucket
const BUCKET = { FIXDEPOT_ARCHIVES_URL: 's3://my.bucket-1/a/b/' }

t.test('a bucket, a prefix, and the server that has them', async (t) => {
  const aws = { bucket: 'my.bucket-1', prefix: 'a/b/', endpoint: undefined, region: undefined, isPathStyle: false }
  t.same(bucketOf(BUCKET), aws)
  t.same(bucketOf({ ...BUCKET, AWS_REGION: 'eu-west-1' }), { ...aws, region: 'eu-west-1' })
  t.match(bucketOf({ ...BUCKET, AWS_DEFAULT_REGION: 'here' }), { region: 'here' })
  t.match(bucketOf({ ...BUCKET, FIXDEPOT_S3_PATH_STYLE: 'yes' }), { isPathStyle: true })
  const own = { ...BUCKET, FIXDEPOT_S3_ENDPOINT: 'http://127.0.0.1:9000' }
  t.match(bucketOf(own), { endpoint: 'http://127.0.0.1:9000', isPathStyle: true })
  t.match(bucketOf({ ...own, FIXDEPOT_S3_PATH_STYLE: 'no' }), { isPathStyle: false })
  t.match(bucketOf({ FIXDEPOT_ARCHIVES_URL: 's3://bucket' }), { prefix: '' })
})

t.test('a directory', async (t) => {
  const { storage } = readConfig({ FIXDEPOT_ARCHIVES_URL: 'file:///shared/with%20space/' })
  t.match(storage, { archivesDirectory: '/shared/with space', archivesBucket: undefined })
})

t.test('downloads are led to the bucket where the operator wants it, and where there is one', async (t) => {
  t.equal(readConfig(BUCKET).isRedirecting, false)
  t.equal(readConfig({ ...BUCKET, FIXDEPOT_S3_REDIRECT: 'yes' }).isRedirecting, true)
  const sentence =
    'With FIXDEPOT_S3_REDIRECT=yes archives are downloaded from their bucket, and they are in none: set FIXDEPOT_ARCHIVES_URL to one.'
  for (const settings of [{}, { FIXDEPOT_ARCHIVES_URL: 'file:///shared' }]) {
    t.throws(() => readConfig({ ...settings, FIXDEPOT_S3_REDIRECT: 'yes' }), { message: sentence })
    t.equal(readConfig({ ...settings, FIXDEPOT_S3_REDIRECT: 'no' }).isRedirecting, false)
  }
})

t.test('a value that is none is refused by its name, and not quoted', async (t) => {
  for (const [name, value] of [
    ['FIXDEPOT_ARCHIVES_URL', 's3://key:hidden@bucket/prefix'],
    ['FIXDEPOT_ARCHIVES_URL', 's3://bucket/prefix?secret=hidden'],
    ['FIXDEPOT_ARCHIVES_URL', 's3://ab'],
    ['FIXDEPOT_ARCHIVES_URL', 's3://Under_Score/x'],
    ['FIXDEPOT_ARCHIVES_URL', 's3:///prefix'],
    ['FIXDEPOT_ARCHIVES_URL', 's3://bucket/pre fix'],
    ['FIXDEPOT_ARCHIVES_URL', 's3://bucket/a//b'],
    ['FIXDEPOT_ARCHIVES_URL', 'file:///'],
    ['FIXDEPOT_ARCHIVES_URL', 'file://host/directory'],
    ['FIXDEPOT_ARCHIVES_URL', '/shared'],
    ['FIXDEPOT_ARCHIVES_URL', 'https://bucket.example'],
    ['FIXDEPOT_S3_ENDPOINT', 'https://key:hidden@s3.example'],
    ['FIXDEPOT_S3_ENDPOINT', 'https://s3.example/path'],
    ['FIXDEPOT_S3_ENDPOINT', 's3.example'],
    ['FIXDEPOT_S3_PATH_STYLE', 'maybe'],
    ['FIXDEPOT_S3_REDIRECT', 'maybe']
  ] as const) {
    const sentence = (() => {
      try {
        return JSON.stringify(readConfig({ ...BUCKET, [name]: value }))
      } catch (error) {
        return (error as Error).message
      }
    })()
    t.match(sentence, new RegExp(`^The setting ${name} must be .*\\.$`), value)
    t.notMatch(sentence, 'hidden')
  }
  const inside = { FIXDEPOT_ARCHIVES_URL: 'file:///srv/firmware/archives', FIXDEPOT_REPOSITORY_DIR: '/srv/firmware' }
  t.throws(() => readConfig(inside), /FIXDEPOT_ARCHIVES_URL must not lie inside/)
})
