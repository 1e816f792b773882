//! A builder for a table with one line for each group of columns.

use sea_orm_migration::prelude::*;

/// A table under construction. Every column is `NOT NULL` unless the method's name says `optional`.
pub struct Columns {
    table: TableCreateStatement,
}

impl Columns {
    /// Starts the table `name`.
    pub fn of(name: &'static str) -> Self {
        Self { table: Table::create().table(Alias::new(name)).to_owned() }
    }

    /// Adds a primary key that the database increments.
    pub fn serial_key(mut self, name: &'static str) -> Self {
        self.table.col(ColumnDef::new(Alias::new(name)).big_integer().not_null().auto_increment().primary_key());
        self
    }

    /// Adds text columns.
    pub fn texts(self, names: &[&'static str]) -> Self {
        self.add_all(names, |column| column.text().not_null())
    }

    /// Adds text columns that accept NULL.
    pub fn optional_texts(self, names: &[&'static str]) -> Self {
        self.add_all(names, ColumnDef::text)
    }

    /// Adds instants in UTC.
    pub fn instants(self, names: &[&'static str]) -> Self {
        self.add_all(names, |column| column.timestamp_with_time_zone().not_null())
    }

    /// Adds instants in UTC that accept NULL.
    pub fn optional_instants(self, names: &[&'static str]) -> Self {
        self.add_all(names, ColumnDef::timestamp_with_time_zone)
    }

    /// Adds 64-bit whole numbers.
    pub fn numbers(self, names: &[&'static str]) -> Self {
        self.add_all(names, |column| column.big_integer().not_null())
    }

    /// Adds 64-bit whole numbers that accept NULL.
    pub fn optional_numbers(self, names: &[&'static str]) -> Self {
        self.add_all(names, ColumnDef::big_integer)
    }

    /// Adds 32-bit whole numbers.
    pub fn small_numbers(self, names: &[&'static str]) -> Self {
        self.add_all(names, |column| column.integer().not_null())
    }

    /// Adds a column of any other type.
    pub fn column(mut self, mut column: ColumnDef) -> Self {
        self.table.col(&mut column);
        self
    }

    /// Ends the table with a primary key over `names`.
    pub fn key(mut self, names: &[&'static str]) -> TableCreateStatement {
        let mut key = Index::create();
        for name in names {
            key.col(Alias::new(*name));
        }
        self.table.primary_key(&mut key).to_owned()
    }

    /// Ends a table that has a serial key.
    pub fn done(self) -> TableCreateStatement {
        self.table
    }

    fn add_all(mut self, names: &[&'static str], configure: impl Fn(&mut ColumnDef) -> &mut ColumnDef) -> Self {
        for name in names {
            let mut column = ColumnDef::new(Alias::new(*name));
            configure(&mut column);
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
