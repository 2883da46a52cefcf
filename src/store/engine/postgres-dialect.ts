/** PostgreSQL for Kysely: the driver, and the compiler that translates migrations and statements. */
import {
  type ColumnDefinitionNode,
  type CreateTableNode,
  type DataTypeNode,
  type GeneratedNode,
  PostgresDialect,
  type PostgresPool,
  PostgresQueryCompiler,
  type QueryCompiler,
  type RawNode
} from 'kysely'
import { postgresNode } from './dialect.ts'
import { createPostgresPool, type PostgresLocation } from './postgres-pool.ts'

/**
 * As in SQLite, texts are compared and sorted by their bytes, `lower` changes ASCII letters only, and integers have 64
 * bits.
 */
const TYPES: Readonly<Record<string, string>> = {
  integer: 'bigint',
  real: 'double precision',
  text: 'text collate "C"'
}

const IDENTITY: GeneratedNode = { kind: 'GeneratedNode', byDefault: true, identity: true }

/** Compiles the migrations, which are written for SQLite, to equivalent tables of PostgreSQL. */
class DepotCompiler extends PostgresQueryCompiler {
  protected override visitRaw(node: RawNode): void {
    const own = postgresNode(node)
    if (own === undefined) super.visitRaw(node)
    else this.visitNode(own)
  }

  protected override visitDataType(node: DataTypeNode): void {
    this.append(TYPES[node.dataType as string] ?? (node.dataType as string))
  }

  /** The only modifier at the end of a table is `without rowid`. */
  protected override visitCreateTable({ endModifiers: _, ...node }: CreateTableNode): void {
    super.visitCreateTable(node)
  }

  protected override visitColumnDefinition(node: ColumnDefinitionNode): void {
    const { autoIncrement: _, ...column } = node
    super.visitColumnDefinition(isRowId(node) ? { ...column, generated: IDENTITY } : column)
  }
}

/** Whether SQLite generates the values of this key. */
function isRowId({ dataType, primaryKey, references, check }: ColumnDefinitionNode): boolean {
  const isInteger = (dataType as DataTypeNode).dataType === 'integer'
  return isInteger && primaryKey === true && references === undefined && check === undefined
}

class DepotDialect extends PostgresDialect {
  override createQueryCompiler(): QueryCompiler {
    return new DepotCompiler()
  }
}

/** PostgreSQL is connected to with the first statement. */
export function createPostgresDialect(location: PostgresLocation): PostgresDialect {
  return new DepotDialect({ pool: async () => (await createPostgresPool(location)) as unknown as PostgresPool })
}
