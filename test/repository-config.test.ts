import t from 'tap'
import { readConfig } from '../src/config.ts'

const BUCKET = { FIXDEPOT_REPOSITORY_URL: 's3://bucket/firmware' }

t.test('the repository is a directory, or a bucket', async (t) => {
  t.match(readConfig({}), { repositoryDirectory: /\/data\/repository$/, repositoryBucket: undefined })
  t.match(readConfig({ FIXDEPOT_REPOSITORY_DIR: '/srv/firmware' }), { repositoryDirectory: '/srv/firmware' })
  t.match(readConfig({ FIXDEPOT_REPOSITORY_URL: 'file:///srv/firmware' }), {
    repositoryDirectory: '/srv/firmware',
    repositoryBucket: undefined
  })
  t.match(readConfig({ ...BUCKET, FIXDEPOT_S3_ENDPOINT: 'http://127.0.0.1:9000' }), {
    repositoryBucket: { bucket: 'bucket', prefix: 'firmware/', endpoint: 'http://127.0.0.1:9000', isPathStyle: true }
  })
})

t.test('both settings at a time, and what is no place, are refused', async (t) => {
  t.throws(() => readConfig({ ...BUCKET, FIXDEPOT_REPOSITORY_DIR: '/srv/firmware' }), {
    message: 'Only one of FIXDEPOT_REPOSITORY_DIR and FIXDEPOT_REPOSITORY_URL may be set.'
  })
  for (const FIXDEPOT_REPOSITORY_URL of ['s3://key:hidden@bucket/x', 's3://ab', '/srv/firmware', 'https://host/x']) {
    const message = /^The setting FIXDEPOT_REPOSITORY_URL must be a URL such as .*\.$/
    t.throws(() => readConfig({ FIXDEPOT_REPOSITORY_URL }), { message })
  }
})

t.test('archives and repository do not lie in each other', async (t) => {
  const message = /FIXDEPOT_ARCHIVES_URL and FIXDEPOT_REPOSITORY_URL must name different places/
  for (const url of ['s3://bucket/firmware', 's3://bucket', 's3://bucket/firmware/archives']) {
    t.throws(() => readConfig({ ...BUCKET, FIXDEPOT_ARCHIVES_URL: url }), { message }, url)
  }
  for (const url of ['s3://other/firmware', 's3://bucket/archives', 's3://bucket/firmware2']) {
    t.match(readConfig({ ...BUCKET, FIXDEPOT_ARCHIVES_URL: url }), { repositoryBucket: { bucket: 'bucket' } }, url)
  }
})
