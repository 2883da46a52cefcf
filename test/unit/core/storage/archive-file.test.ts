import t from 'tap'
import { archiveName } from '../../../../src/core/storage/archive-file.ts'

t.test('an archive is named after the second in which it was asked for, in UTC', async (t) => {
  t.equal(archiveName(new Date('2018-11-12T01:17:42Z'), 0), 'repository20181112011742.zip')
  t.equal(archiveName(new Date('2018-11-12T01:17:42.999Z'), 0), 'repository20181112011742.zip')
  t.equal(archiveName(new Date('2018-12-31T23:30:00-02:00'), 0), 'repository20190101013000.zip')
})

t.test('further archives of the same second get three more digits', async (t) => {
  const time = new Date('2018-11-12T01:17:42Z')
  t.equal(archiveName(time, 1), 'repository20181112011742001.zip')
  t.equal(archiveName(time, 42), 'repository20181112011742042.zip')
  t.equal(archiveName(time, 999), 'repository20181112011742999.zip')
  t.equal(archiveName(time, 1000), 'repository201811120117421000.zip')
})
