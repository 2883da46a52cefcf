import t from 'tap'
import { parseClassicXml } from '../../../src/metadata/classic-xml.ts'
import { array, instance, property } from '../../support/metadata/xml.ts'

const parse = (...parts: string[]) => parseClassicXml(Buffer.from(instance(...parts)), 'base-name')
const UXSP = property('category', 'UXSP')

t.test('the category or update type of system packs makes a package a system pack', async (t) => {
  for (const part of [UXSP, property('category', 'uxsp'), property('updateType', 'UXSP')]) {
    t.equal(parse(part).kind, 'system-pack', part)
  }
  for (const part of [property('category', 'XCC'), property('updateType', 'firmware'), property('name', 'UXSP')]) {
    t.equal(parse(part).kind, 'update', part)
  }
})

t.test('a list of members makes a system pack of any package', async (t) => {
  const pack = parse(property('category', 'Bundle'), array('includedFixIds', 'a-1', 'b-1'))
  t.equal(pack.kind, 'system-pack')
  t.strictSame(pack.members, [
    { fixid: 'a-1', kind: 'listed' },
    { fixid: 'b-1', kind: 'listed' }
  ])
})

t.test('every list of unknown meaning in a pack contributes candidate members', async (t) => {
  const pack = parse(UXSP, array('includedFixIds', 'a-1'), array('Updates', 'b-1', 'a-1'), array('Contents', 'c-1'))
  t.strictSame(pack.members, [
    { fixid: 'a-1', kind: 'listed' },
    { fixid: 'b-1', kind: 'candidate' },
    { fixid: 'c-1', kind: 'candidate' }
  ])
  t.strictSame(Object.keys(pack.properties), ['Updates', 'Contents'])
})

t.test('lists of known meaning, and single values, contribute no members', async (t) => {
  const lists = ['preReq', 'coReq', 'supersedes', 'applicableMachineTypes', 'applicableOperatingSystems']
  t.strictSame(parse(UXSP, ...lists.map((name) => array(name, 'a-1')), property('platform', 'b-1')).members, [])
})

t.test('lists of unknown meaning in an update contribute no members', async (t) => {
  const { kind, members } = parse(array('Updates', 'b-1'))
  t.strictSame({ kind, members }, { kind: 'update', members: [] })
})

t.test('a member is listed once, and only if it can be a fixid', async (t) => {
  const pack = parse(
    UXSP,
    array('includedFixIds', 'a-1', 'a-1', '', '../b', 'c/d'),
    array('Updates', 'e\\f', 'g-1', 'g-1')
  )
  t.strictSame(pack.members, [
    { fixid: 'a-1', kind: 'listed' },
    { fixid: 'g-1', kind: 'candidate' }
  ])
})
