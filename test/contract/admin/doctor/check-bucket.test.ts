import t from 'tap'
import { checkBucket } from '../../../../src/admin/doctor/check-bucket.ts'
import { createFindings } from '../../../../src/admin/doctor/findings.ts'
import { createArchiveBucket } from '../../../../src/storage/s3/archive-bucket.ts'
import { createInspectionStore } from '../../../../src/store/maintenance/inspection-store.ts'
import { createJobStore } from '../../../../src/store/tasks/job-store.ts'
import { createExportHandler } from '../../../../src/worker/export/run-export.ts'
import { claimOf, make } from '../../../support/archive-storage-suite.ts'
import { smallRepository } from '../../../support/packages.ts'
import { makeBucket, withoutS3 } from '../../../support/servers/s3-server.ts'
import { makeExportDepot } from '../../../support/worker/pack-queued.ts'
import { runQueued } from '../../../support/worker.ts'

t.test('a bucket is compared with the plans that own its archives', { skip: withoutS3 }, async (t) => {
  const bucket = await makeBucket(t)
  const depot = await makeExportDepot(t, smallRepository())
  await depot.scan()
  const inBucket = { ...depot, archivesBucket: bucket }
  const accepted = await depot.accept()
  const name = accepted.task.archiveName
  const jobs = createJobStore(depot.db)
  await runQueued(depot, 'export', createExportHandler({ settings: inBucket, db: depot.db, jobs, onPacked() {} }))
  const storage = createArchiveBucket(bucket)
  t.teardown(() => storage.close())
  const examine = async () => {
    const lines: string[] = []
    await checkBucket(
      createInspectionStore(depot.db),
      bucket,
      createFindings((line) => lines.push(line))
    )
    return lines.join('\n')
  }
  const note = `note: The names and sizes of the archives in s3://${bucket.bucket}/depot/ were compared; their content was not read.`
  t.equal(await examine(), note, 'there are no findings')
  const orphan = 'repository20200101000000.zip'
  await make(storage, Buffer.from('orphan'), { name: orphan })
  await storage.resume(claimOf(10, { name: orphan }))
  const found = await examine()
  t.match(found, `${orphan} belongs to no export.`)
  t.match(found, `An upload of ${orphan} belongs to no export.`)
  await make(storage, Buffer.from('another'), { name, token: 2 })
  t.match(await examine(), new RegExp(`${name} has 7 bytes, but should have \\d+\\.`))
  await storage.remove(name)
  t.match(await examine(), `${name} is missing.`)
})

t.test('an unreachable bucket is reported as not checked, and is no finding', async (t) => {
  const depot = await makeExportDepot(t)
  const lines: string[] = []
  const bucket = { bucket: 'depot', prefix: '', endpoint: 'http://127.0.0.1:1', region: undefined, isPathStyle: true }
  process.env.AWS_ACCESS_KEY_ID ??= 'key'
  process.env.AWS_SECRET_ACCESS_KEY ??= 'secret'
  await checkBucket(
    createInspectionStore(depot.db),
    bucket,
    createFindings((line) => lines.push(line))
  )
  t.match(lines, [
    'cannot check: The archives in s3://depot/ cannot be checked. The storage of archives does not answer as it should: ECONNREFUSED.'
  ])
})
