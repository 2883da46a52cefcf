/** PostgreSQL for Kysely: the driver, and what the words of migrations and statements are there. */
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
 * Texts compare and sort by their bytes, and `lower` knows ASCII only, as in SQLite. Whole numbers have 64 bits there.
 */
const TYPES: Readonly<Record<string, string>> = {
  integer: 'bigint',
  real: 'double precision',
  text: 'text collate "C"'
}

const IDENTITY: GeneratedNode = { kind: 'GeneratedNode', byDefault: true, identity: true }

/** The same migrations make the same tables: what they say in the words of SQLite is said in those of PostgreSQL. */
class DepotCompiler extends PostgresQueryCompiler {
  protected override visitRaw(node: RawNode): void {
    const own = postgresNode(node)
    if (own === undefined) super.visitRaw(node)
    else this.visitNode(own)
  }

  protected override visitDataType(node: DataTypeNode): void {
    this.append(TYPES[node.dataType as string] ?? (node.dataType as string))
  }

  /** All that comes behind a table is `without rowid`. */
  protected override visitCreateTable({ endModifiers: _, ...node }: CreateTableNode): void {
    super.visitCreateTable(node)
  }

  protected override visitColumnDefinition(node: ColumnDefinitionNode): void {
    const { autoIncrement: _, ...column } = node
    super.visitColumnDefinition(isRowId(node) ? { ...column, generated: IDENTITY } : column)
  }
}

/** Such a key SQLite gives out by itself. */
function isRowId({ dataType, primaryKey, references, check }: ColumnDefinitionNode): boolean {
  const isInteger = (dataType as DataTypeNode).dataType === 'integer'
  return isInteger && primaryKey === true && references === undefined && check === undefined
}

class DepotDialect extends PostgresDialect {
  override createQueryCompiler(): QueryCompiler {
    return new DepotCompiler()
  }
}

/** Connects with the first statement. */
export function createPostgresDialect(location: PostgresLocation): PostgresDialect {
  return new DepotDialect({ pool: async () => (await createPostgresPool(location)) as unknown as PostgresPool })
}
