//! A table in a line per column.

use sea_orm_migration::prelude::*;

/// A table under construction; every column is `NOT NULL` unless it is said to be optional.
pub struct Columns {
    table: TableCreateStatement,
}

impl Columns {
    /// Of the table `name`.
    pub fn of(name: &'static str) -> Self {
        Self { table: Table::create().table(Alias::new(name)).to_owned() }
    }

    /// A number counted by the database: the key.
    pub fn counted(mut self, name: &'static str) -> Self {
        self.table.col(ColumnDef::new(Alias::new(name)).big_integer().not_null().auto_increment().primary_key());
        self
    }

    /// Texts that are always there.
    pub fn texts(self, names: &[&'static str]) -> Self {
        self.each(names, |column| column.text().not_null())
    }

    /// Texts that may be absent.
    pub fn optional_texts(self, names: &[&'static str]) -> Self {
        self.each(names, ColumnDef::text)
    }

    /// Instants that are always there.
    pub fn instants(self, names: &[&'static str]) -> Self {
        self.each(names, |column| column.timestamp_with_time_zone().not_null())
    }

    /// Instants that may be absent.
    pub fn optional_instants(self, names: &[&'static str]) -> Self {
        self.each(names, ColumnDef::timestamp_with_time_zone)
    }

    /// 64-bit numbers that are always there.
    pub fn numbers(self, names: &[&'static str]) -> Self {
        self.each(names, |column| column.big_integer().not_null())
    }

    /// 64-bit numbers that may be absent.
    pub fn optional_numbers(self, names: &[&'static str]) -> Self {
        self.each(names, ColumnDef::big_integer)
    }

    /// 32-bit numbers that are always there.
    pub fn small_numbers(self, names: &[&'static str]) -> Self {
        self.each(names, |column| column.integer().not_null())
    }

    /// Any further column.
    pub fn column(mut self, mut column: ColumnDef) -> Self {
        self.table.col(&mut column);
        self
    }

    /// The key, where it is not counted.
    pub fn key(mut self, names: &[&'static str]) -> TableCreateStatement {
        let mut key = Index::create();
        for name in names {
            key.col(Alias::new(*name));
        }
        self.table.primary_key(&mut key).to_owned()
    }

    /// Done, with a counted key.
    pub fn done(self) -> TableCreateStatement {
        self.table
    }

    fn each(mut self, names: &[&'static str], shape: impl Fn(&mut ColumnDef) -> &mut ColumnDef) -> Self {
        for name in names {
            let mut column = ColumnDef::new(Alias::new(*name));
            shape(&mut column);
            self.table.col(&mut column);
        }
        self
    }
}

/// An index on `table` over `columns`, named after both.
pub fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{table}_{}", columns.join("_"))).table(Alias::new(table));
    for column in columns {
        index.col(Alias::new(*column));
    }
    index
}
