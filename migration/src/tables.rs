//! The same tables on every engine: text compared byte by byte, changes that can be made again after they were cut off
//! (the statements of MySQL and MariaDB that change a schema are no transaction).

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// Makes a table unless it is there.
pub async fn create(
    manager: &SchemaManager<'_>,
    name: &'static str,
    table: &mut TableCreateStatement,
) -> Result<(), DbErr> {
    let table = table.table(name).if_not_exists();
    let backend = manager.get_database_backend();
    if backend == DbBackend::MySql {
        table.engine("InnoDB").character_set("utf8mb4").collate("utf8mb4_bin");
    }
    manager.create_table(table.to_owned()).await?;
    if backend == DbBackend::Postgres {
        manager.get_connection().execute_unprepared(&bytewise(name)).await?;
    }
    Ok(())
}

/// PostgreSQL: gives the text of a new table the order of its bytes, whatever the database's own order is.
fn bytewise(table: &str) -> String {
    format!(
        r#"DO $$ DECLARE c record; BEGIN
          FOR c IN SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
            FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
            WHERE a.attrelid = '{table}'::regclass AND a.attnum > 0 AND NOT a.attisdropped
              AND t.typname IN ('varchar', 'text')
              AND a.attcollation <> 'pg_catalog."C"'::regcollation
          LOOP
            EXECUTE format('ALTER TABLE {table} ALTER COLUMN %I TYPE %s COLLATE "C"', c.name, c.type);
          END LOOP;
        END $$"#
    )
}

/// Makes an index unless it is there.
pub async fn index(
    manager: &SchemaManager<'_>,
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    add_index(manager, (name, table), columns, Index::create()).await
}

/// Makes an index of which every entry is different, unless it is there.
pub async fn unique_index(
    manager: &SchemaManager<'_>,
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    add_index(manager, (name, table), columns, Index::create().unique().to_owned()).await
}

async fn add_index(
    manager: &SchemaManager<'_>,
    (name, table): (&'static str, &'static str),
    columns: &[&'static str],
    mut index: IndexCreateStatement,
) -> Result<(), DbErr> {
    if manager.has_index(table, name).await? {
        return Ok(());
    }
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    manager.create_index(index).await
}

/// Adds columns that are not there yet.
pub async fn add_columns(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: impl IntoIterator<Item = ColumnDef>,
) -> Result<(), DbErr> {
    for column in columns {
        if !manager.has_column(table, column.get_column_name().as_str()).await? {
            let change = Table::alter().table(table).add_column(column).to_owned();
            manager.alter_table(change).await?;
        }
    }
    if manager.get_database_backend() == DbBackend::Postgres {
        manager.get_connection().execute_unprepared(&bytewise(table)).await?;
    }
    Ok(())
}

/// Takes columns away that are still there.
pub async fn drop_columns(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    for column in columns {
        if manager.has_column(table, column).await? {
            let change = Table::alter().table(table).drop_column(*column).to_owned();
            manager.alter_table(change).await?;
        }
    }
    Ok(())
}

/// Takes an index away that is still there.
pub async fn drop_index(
    manager: &SchemaManager<'_>,
    name: &'static str,
    table: &'static str,
) -> Result<(), DbErr> {
    if manager.has_index(table, name).await? {
        manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
    }
    Ok(())
}

/// Text of any length.
pub fn long_text(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    if manager.get_database_backend() == DbBackend::MySql {
        column.custom("longtext");
    } else {
        column.text();
    }
    column
}

/// Takes tables away, the last first.
pub async fn drop(manager: &SchemaManager<'_>, names: &[&'static str]) -> Result<(), DbErr> {
    for name in names {
        manager.drop_table(Table::drop().table(*name).if_exists().to_owned()).await?;
    }
    Ok(())
}
