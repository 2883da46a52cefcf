import t from 'tap'
import { examine } from '../../src/admin/doctor.ts'
import { createRepositoryBucket } from '../../src/s3/repository-bucket.ts'
import { makeDepot } from '../helpers/depot.ts'
import { packageFiles } from '../helpers/packages.ts'
import { makeBucket, s3Of, withoutS3 } from '../helpers/s3-server.ts'

t.test('the doctor compares the catalog with the list of a bucket', { skip: withoutS3 }, async (t) => {
  const bucket = await makeBucket(t)
  const s3 = await s3Of(t, bucket)
  const put = (name: string, Body: string | Buffer) =>
    s3.putObject({ Bucket: bucket.bucket, Key: `depot/${name}`, Body })
  for (const [name, content] of Object.entries(packageFiles({ fixid: 'a', payload: 'x' }))) await put(name, content)
  const depot = await makeDepot(t)
  const repository = createRepositoryBucket(bucket)
  t.teardown(() => repository.close())
  t.match(await depot.scan({ repository }), { packageCount: 1 })
  const findings = async (place = bucket) => {
    const lines: string[] = []
    await examine({ ...depot, repositoryBucket: place }, (line) => lines.push(line))
    return lines.filter((line) => /^catalog|repository/.test(line))
  }
  t.same(await findings(), [])
  await put('a.uxz', 'another')
  await put('b.txt', 'new')
  await s3.deleteObject({ Bucket: bucket.bucket, Key: 'depot/a.chg' })
  t.same(await findings(), [
    'catalog: a.uxz has changed since it was read.',
    'catalog: b.txt is new.',
    'catalog: a.chg is not there any more.'
  ])
  t.match(await findings({ ...bucket, bucket: 'absent-bucket' }), [
    /The repository in s3:\/\/absent-bucket\/depot\/ cannot be checked\. .*NoSuchBucket/
  ])
})
