import fs from 'node:fs'
import t from 'tap'
import { stageDeletion } from '../../../src/storage/disk/staged-deletion.ts'
import { packageFiles } from '../../support/packages.ts'
import { makeDirectories, startServer } from '../../support/servers/server.ts'

const FIRMWARE = '/updateRepositories/firmware'

t.test('files whose deletion was cut off by a crash are back after the next start', async (t) => {
  const directories = makeDirectories(t, packageFiles({ fixid: 'a', payload: 'content' }))
  const files = () => fs.readdirSync(directories.repositoryDirectory).sort()
  const before = files()
  const first = await startServer(t, directories)
  await first.stop('SIGKILL')
  stageDeletion(directories.repositoryDirectory, before)
  t.equal(files().length, 1, 'as a server that died in between has left them')
  const next = await startServer(t, directories)
  t.same(files(), before)
  const { updates } = await next.json<{ updates: object[] }>(`${FIRMWARE}?key=updates`)
  t.match(updates, [{ fixid: 'a', downloaded: true }])
})

t.test('a deletion is over when it is answered, and its task reads the repository again', async (t) => {
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
