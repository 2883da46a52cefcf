import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { packageFiles } from '../../support/packages.ts'
import { makeDirectories, startServer, until } from '../../support/servers/server.ts'

t.test('the start removes archives without an export, and keeps foreign files', async (t) => {
  const directories = makeDirectories(t, packageFiles({ fixid: 'a', payload: 'x' }))
  const archives = path.join(directories.dataDirectory, 'archives')
  const first = await startServer(t, directories)
  const { current } = await first.finished(await first.export())
  await first.stop()
  for (const name of [
    'repository20200101000000.zip',
    'repository20200101000000.zip.7.part',
    `${current}.3.part`,
    'notes.txt'
  ]) {
    fs.writeFileSync(path.join(archives, name), 'left over')
  }
  const second = await startServer(t, directories)
  await until('the directory is swept', () => fs.readdirSync(archives).length === 2)
  t.same(fs.readdirSync(archives).sort(), ['notes.txt', current].sort())
  const response = await second.call(`/updateRepositories/firmware?key=export&exportRepoFilename=${current}`)
  t.equal(response.status, 200)
  await response.arrayBuffer()
})
