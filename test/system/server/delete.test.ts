import fs from 'node:fs'
import t from 'tap'
import { stageDeletion } from '../../../src/storage/disk/staged-deletion.ts'
import { packageFiles } from '../../support/packages.ts'
import { makeDirectories, startServer } from '../../support/servers/server.ts'

const FIRMWARE = '/updateRepositories/firmware'

t.test('the next start restores files whose deletion a crash has interrupted', async (t) => {
  const directories = makeDirectories(t, packageFiles({ fixid: 'a', payload: 'content' }))
  const files = () => fs.readdirSync(directories.repositoryDirectory).sort()
  const before = files()
  const first = await startServer(t, directories)
  await first.stop('SIGKILL')
  stageDeletion(directories.repositoryDirectory, before)
  t.equal(files().length, 1, 'the files are as a server leaves them that dies in the middle')
  const next = await startServer(t, directories)
  t.same(files(), before)
  const { updates } = await next.json<{ updates: object[] }>(`${FIRMWARE}?key=updates`)
  t.match(updates, [{ fixid: 'a', downloaded: true }])
})

t.test('a deletion is complete when it is answered, and its task scans the repository', async (t) => {
  const directories = makeDirectories(t, packageFiles({ fixid: 'a', payload: 'content' }))
  const server = await startServer(t, directories)
  const { taskid } = await server.json<{ taskid: number }>(`${FIRMWARE}?action=delete&filetypes=all`, {
    method: 'PUT',
    body: JSON.stringify({ fixids: ['a'] })
  })
  t.same(fs.readdirSync(directories.repositoryDirectory), [])
  t.match(await server.finished(taskid), { state: 'complete' })
  await server.stop('SIGKILL')
  const next = await startServer(t, directories)
  t.same((await next.json<{ updates: object[] }>(`${FIRMWARE}?key=updates`)).updates, [])
})
