import t from 'tap'
import { parseMachineTypes } from '../../../src/metadata/machine-types.ts'

const typesOf = (...items: string[]) => parseMachineTypes(items).map(({ type }) => type)

t.test("the type is read from the brackets after the machine's name", async (t) => {
  t.strictSame(parseMachineTypes(['ThinkSystem SR650 [7X05]', ' Flex System x240  [8737] ', '[7X06]', 'SR650[7X07]']), [
    { type: '7X05', name: 'ThinkSystem SR650' },
    { type: '8737', name: 'Flex System x240' },
    { type: '7X06', name: '' },
    { type: '7X07', name: 'SR650' }
  ])
})

t.test('brackets may contain several comma-separated types', async (t) => {
  t.strictSame(parseMachineTypes(['SR650 [7X05,7X06 , 7X07]', 'SR630 [,7X01,]']), [
    { type: '7X05', name: 'SR650' },
    { type: '7X06', name: 'SR650' },
    { type: '7X07', name: 'SR650' },
    { type: '7X01', name: 'SR630' }
  ])
})

t.test('an item without brackets is a type if it has the form of one', async (t) => {
  t.strictSame(parseMachineTypes(['7X05', ' 8737 ']), [
    { type: '7X05', name: '' },
    { type: '8737', name: '' }
  ])
})

t.test('the first of equal types is kept', async (t) => {
  t.strictSame(parseMachineTypes(['SR650 [7X05]', '7X05', 'Other [7X05]']), [{ type: '7X05', name: 'SR650' }])
})

t.test('an item may have several brackets, each with its types', async (t) => {
  t.strictSame(typesOf('ThinkSystem SR650 [7X05] [7X06]', 'SR630 [7X01], [7X02]'), ['7X05', '7X06', '7X01', '7X02'])
})

t.test('a text in brackets with fewer than four characters is no type', async (t) => {
  t.strictSame(typesOf('Flex System x240 [E5-2600 v2] [8737]', 'ThinkSystem SR650 [all]'), ['8737'])
})

t.test('items without a type are skipped', async (t) => {
  t.strictSame(
    typesOf(
      '',
      ' ',
      'None',
      'ThinkSystem SR650',
      '7x05',
      '7X055',
      '7X',
      'x [7X05',
      'x 7X05]',
      'x []',
      'y [ ]',
      'z [,]'
    ),
    []
  )
})
